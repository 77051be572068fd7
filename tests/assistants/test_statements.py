"""Statements that are sent together: each one's rows are told, and a fault of one is the fault of all."""

import pytest
from django.db import IntegrityError, transaction

from assistants.models import Assistant
from assistants.statements import Statement, run_together
from tests.make import make_assistant

pytestmark = pytest.mark.django_db


def translate(language: str, *, of: str) -> Statement:
    return Statement("UPDATE assistants_assistant SET language = %s WHERE language = %s", [language, of])


def test_each_statement_tells_how_many_rows_it_changed() -> None:
    for language in ("de", "en", "en"):
        make_assistant(language=language)

    with transaction.atomic():
        changed = run_together([translate("fr", of="en"), translate("it", of="es"), translate("pt", of="fr")])

    assert changed == [2, 0, 2]
    assert list(Assistant.objects.order_by("language").values_list("language", flat=True)) == ["de", "pt", "pt"]
    assert run_together([]) == []


def test_a_fault_of_one_is_raised_as_djangos_and_undoes_all() -> None:
    make_assistant(language="de")

    with pytest.raises(IntegrityError), transaction.atomic():
        run_together([translate("en", of="de"), Statement("UPDATE assistants_assistant SET name = NULL", [])])

    assert Assistant.objects.get().language == "de"
