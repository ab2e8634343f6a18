"""The index of vectors is in the order of keys within a scope, too, so that a search can begin after
those that a process has at hand.

Only where the column is pgvector's. Built beside the old one, while entries are read and written."""

from django.db import migrations

import memory.fields
from memory import indexes

NEW = f"{indexes.NEAREST}_by_key"


def install(apps, schema_editor):
    connection = schema_editor.connection
    memory.fields.forget_types()
    if not memory.fields.is_native(connection.alias, indexes.TABLE, "vector"):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT position('(scope_id, id)' IN pg_get_indexdef(to_regclass(%s))) > 0",
            [indexes.NEAREST],
        )
        if cursor.fetchone()[0]:
            return  # New databases have it so from the beginning.
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NEW}")  # Of an attempt that failed.
        cursor.execute(f"CREATE INDEX CONCURRENTLY {NEW} ON {indexes.TABLE} {indexes.BY_KEY}")
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {indexes.NEAREST}")
        cursor.execute(f"ALTER INDEX {NEW} RENAME TO {indexes.NEAREST}")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('memory', '0004_nearest_in_a_scope'),
    ]

    operations = [
        # The one before searches by this one as well.
        migrations.RunPython(install, migrations.RunPython.noop),
    ]
