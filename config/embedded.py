"""What embedded mode keeps in its data folder so that nobody has to configure it."""

import base64
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32


def kept_secret(folder: Path, name: str, configured: str, *, required: bool) -> str:
    """Return the configured secret, else the one kept in `folder`, made at the first call.

    Raises ImproperlyConfigured where nothing is configured and `required` says that it must be.
    """
    if configured:
        return configured
    if required:
        raise ImproperlyConfigured(
            f"{_variable(name)} is required outside embedded mode. Make one with: "
            "python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"
        )
    path = folder / name
    if not path.exists():
        _write_once(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())
    return path.read_text().strip()


def _variable(name: str) -> str:
    return "SECRET_KEY" if name == "secret_key" else f"SLUICE_{name.upper()}"


def _write_once(path: Path, text: str) -> None:
    """Write a file that only its owner reads; of several processes starting together the first one wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
