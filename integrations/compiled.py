"""UPDATEs of the ORM that are compiled once: building one anew costs more than the database takes to run it."""

from collections.abc import Callable
from typing import Any, cast

from django.db import connection
from django.db.models import QuerySet
from django.db.models.sql import UpdateQuery

from assistants.statements import Statement, run_together

# Stand-ins for the values, which no statement contains by itself; they fit into columns of 32 bits.
_FIRST_MARK = 1_913_370_000

Build = Callable[..., tuple[QuerySet[Any], dict[str, Any]]]


class CompiledUpdate:
    """An UPDATE whose rows and new values `build` names, as a queryset and as keywords of its `update`.

    `build` is called once per kind of database, with a stand-in for each of the parameters `names`: it must use them as
    they are, as integers, each in one place or several.
    """

    def __init__(self, build: Build, *names: str) -> None:
        self._build = build
        self._names = names
        self._compiled: dict[str, tuple[str, list[str | None], tuple[Any, ...]]] = {}

    def statement(self, **values: int | None) -> Statement:
        """Return the UPDATE with these values."""
        sql, names, constants = self._compiled.get(connection.vendor) or self._compile()
        parameters = [
            constant if name is None else values[name] for name, constant in zip(names, constants, strict=True)
        ]
        return Statement(sql, parameters)

    def run(self, **values: int | None) -> int:
        """Execute the UPDATE with these values; return how many rows it changed."""
        return run_together([self.statement(**values)])[0]

    def _compile(self) -> tuple[str, list[str | None], tuple[Any, ...]]:
        marks = {_FIRST_MARK + number: name for number, name in enumerate(self._names)}
        rows, changes = self._build(**{name: mark for mark, name in marks.items()})
        query = cast("UpdateQuery", rows.query.chain(UpdateQuery))
        query.add_update_values(changes)
        sql, parameters = query.get_compiler(connection=connection).as_sql()
        names = [marks.get(each) if isinstance(each, int) else None for each in parameters]
        if set(names) - {None} != set(self._names):
            raise ValueError(f"Some of {self._names} are not in {sql}.")
        compiled = (sql, names, tuple(parameters))
        self._compiled[connection.vendor] = compiled
        return compiled
