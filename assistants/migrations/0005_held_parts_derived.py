"""Tell parts that are derived from those that are not, and let a part be written as cheaply as can be."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# What is compressed cannot be compressed again.
STATEMENT = "ALTER TABLE assistants_heldpart ALTER COLUMN body SET STORAGE EXTERNAL"


def tune(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(STATEMENT)


class Migration(migrations.Migration):
    dependencies = [
        ("assistants", "0004_block_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="heldpart",
            name="is_derived",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name="heldpart",
            name="due_at",
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name="heldpart",
            name="environment",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="assistants.environment",
            ),
        ),
        migrations.AddIndex(
            model_name="heldpart",
            index=models.Index(fields=["is_derived", "due_at"], name="held_part_due"),
        ),
        migrations.RunPython(tune, migrations.RunPython.noop),
    ]
