"""What a start of Sluice needs before its processes run: tables, static files and somebody who can sign in."""

import hashlib
import io
import os
import sys

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DatabaseError

FIRST_ADMIN = "admin@localhost"


def prepare() -> None:
    """Bring database and static files up to date; print a sign-in link where there is no user yet."""
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
    call_command("migrate", interactive=False, verbosity=0)
    # Errors and warnings are shown; that there are none is not worth a line.
    call_command("check", databases=["default"], stdout=io.StringIO())
    collect_static_files()
    call_command("create_admin", FIRST_ADMIN, if_none=True)


def collect_static_files() -> None:
    """Collect the static files, unless nothing has changed since the last time."""
    stamp = settings.STATIC_ROOT / "collected-from"
    fingerprint = static_fingerprint()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(fingerprint)


def static_fingerprint() -> str:
    """Name the state of all static files by their paths, sizes and times."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(None):
            status = os.stat(storage.path(path))
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def main() -> None:
    try:
        django.setup()
        prepare()
    except (CommandError, ImproperlyConfigured, DatabaseError, OSError) as error:
        sys.exit(f"Sluice cannot start: {error}")


if __name__ == "__main__":
    main()
