"""Keep PostgreSQL from compressing what is compressed, and leave room for the rows that change all the time."""

from typing import ClassVar

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

STATEMENTS = (
    "ALTER TABLE assistants_block ALTER COLUMN body SET STORAGE EXTERNAL",
    "ALTER TABLE assistants_loghead SET (fillfactor = 50)",
)


def tune(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for statement in STATEMENTS:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("assistants", "0001_initial")]
    operations: ClassVar[list[migrations.operations.base.Operation]] = [
        migrations.RunPython(tune, migrations.RunPython.noop)
    ]
