"""The environment's variables, read so that one that makes no sense is named instead of raising whatever it raises."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


@contextmanager
def reading(variable: str) -> Iterator[None]:
    """Turn what goes wrong in this block into an ImproperlyConfigured that names the variable, and not its value."""
    try:
        yield
    except (ValueError, KeyError, AttributeError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{variable} cannot be read ({type(error).__name__}): see .env.example.") from None


class Environment(environ.Env):  # type: ignore[misc]  # django-environ has no types
    """django-environ's reader with named errors."""

    def get_value(self, var: Any, *args: Any, **kwargs: Any) -> Any:
        with reading(str(var)):
            return super().get_value(var, *args, **kwargs)
