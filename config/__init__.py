"""What makes one program of the apps: settings, URLs, the server's entry, Celery and the supervisor."""

import contextlib
import sys

from config.celery import app as celery_app

# Debian's own SQLite can corrupt a database in WAL mode that several connections use. Every process of Sluice takes
# the newer one of this package, before Django opens a database; without it a system check refuses to start.
with contextlib.suppress(ImportError):
    import pysqlite3

    sys.modules["sqlite3"] = pysqlite3

__all__ = ["celery_app"]
