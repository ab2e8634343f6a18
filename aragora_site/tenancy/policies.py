"""PostgreSQL's row-level security, made from the rules of the models.

A table has one policy for each command. What a part of a debate may is looked up by its debate's
key, as a scalar subquery: an EXISTS would be planned as a scan over all debates.
"""

from __future__ import annotations

from typing import Any, cast

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from aragora_site.tenancy.rules import Own, Rule, Through, Unowned

COMMANDS = ("select", "insert", "update", "delete")
SEES_ALL, TENANTS = "tenancy_sees_all", "tenancy_ids"
_ALL = f"(SELECT {SEES_ALL}())"
_IDS = f"((SELECT {TENANTS}())::uuid[])"

CREATE_FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION {SEES_ALL}() RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce(pg_catalog.current_setting('app.tenant_id', true), '') LIKE 'all:%';
END $$;
CREATE OR REPLACE FUNCTION {TENANTS}() RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    told text := coalesce(pg_catalog.current_setting('app.tenant_id', true), '');
BEGIN
    IF told LIKE 'all:%' THEN
        RETURN '{{}}';
    END IF;
    RETURN pg_catalog.string_to_array(told, ',')::uuid[];
END $$;
"""
DROP_FUNCTIONS = f"DROP FUNCTION {SEES_ALL}(); DROP FUNCTION {TENANTS}();"


class PostgresqlOnly(Operation):
    """SQL that other databases have no use for."""

    reversible = True
    reduces_to_sql = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Models stay as they are."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(self.forwards(app_label, to_state), params=None)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(self.backwards(app_label, to_state), params=None)

    def forwards(self, app_label: str, state: ProjectState) -> str:
        raise NotImplementedError

    def backwards(self, app_label: str, state: ProjectState) -> str:
        raise NotImplementedError


class CreateFunctions(PostgresqlOnly):
    """What policies ask for the scope."""

    def forwards(self, app_label: str, state: ProjectState) -> str:
        return CREATE_FUNCTIONS

    def backwards(self, app_label: str, state: ProjectState) -> str:
        return DROP_FUNCTIONS


class Protect(PostgresqlOnly):
    """Put a table under row-level security, also for its owner."""

    def __init__(self, model: str, rule: Rule) -> None:
        self.model = model
        self.rule = rule

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__name__, [self.model, self.rule], {}

    def describe(self) -> str:
        return f"Protect the rows of {self.model}"

    def forwards(self, app_label: str, state: ProjectState) -> str:
        model = state.apps.get_model(app_label, self.model)
        table = f'"{model._meta.db_table}"'
        read, write = readable(model, self.rule), writable(model, self.rule)
        return f"""
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
            CREATE POLICY tenancy_select ON {table} FOR SELECT USING ({read});
            CREATE POLICY tenancy_insert ON {table} FOR INSERT WITH CHECK ({write});
            CREATE POLICY tenancy_update ON {table} FOR UPDATE USING ({write});
            CREATE POLICY tenancy_delete ON {table} FOR DELETE USING ({write});
        """

    def backwards(self, app_label: str, state: ProjectState) -> str:
        table = f'"{state.apps.get_model(app_label, self.model)._meta.db_table}"'
        drops = (f"DROP POLICY tenancy_{command} ON {table};" for command in COMMANDS)
        return f"""
            {"".join(drops)}
            ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
            ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
        """


def readable(model: type[models.Model], rule: Rule) -> str:
    """The condition under which a row of the model may be read."""
    table = f'"{model._meta.db_table}"'
    column = f"{table}.{_column(model, rule.by)}"
    if isinstance(rule, Through):
        # The other table's own policy says which of its rows there are.
        part = f"{_ALL} OR (SELECT true FROM {_whole(model, rule)})"  # noqa: S608
        return part if rule.unowned is Unowned.HIDDEN else f"{part} OR {column} IS NULL"
    row = f"{_ALL} OR {column} = ANY ({_IDS})"
    if rule.linkable:
        row = f"{row} OR {table}.{_column(model, 'pk')} = ANY ({_IDS})"
    if rule.public is not None:
        name, value = rule.public
        return f"{row} OR {table}.{_column(model, name)} = '{value}'"
    return row if rule.unowned is Unowned.HIDDEN else f"{row} OR {column} IS NULL"


def writable(model: type[models.Model], rule: Rule) -> str:
    """The condition under which a row of the model may be made, changed and deleted."""
    table = f'"{model._meta.db_table}"'
    column = f"{table}.{_column(model, rule.by)}"
    if isinstance(rule, Own):
        return f"{_ALL} OR {_owned(rule, column)}"
    whole = _related(model, rule)
    owner = f"whole.{_column(whole, rule.whole.by)}"
    part = f"{_ALL} OR (SELECT {_owned(rule.whole, owner)} FROM {_whole(model, rule)})"  # noqa: S608
    return f"{part} OR {column} IS NULL" if rule.unowned is Unowned.OPEN else part


def _owned(rule: Own, column: str) -> str:
    owned = f"{column} = ANY ({_IDS})"
    return f"{owned} OR {column} IS NULL" if rule.unowned is Unowned.OPEN else owned


def _whole(model: type[models.Model], rule: Through) -> str:
    whole = _related(model, rule)
    key = f'"{model._meta.db_table}".{_column(model, rule.by)}'
    return f'"{whole._meta.db_table}" whole WHERE whole.{_column(whole, "pk")} = {key}'


def _related(model: type[models.Model], rule: Through) -> type[models.Model]:
    return cast(type[models.Model], model._meta.get_field(rule.by).related_model)


def _column(model: type[models.Model], name: str) -> str:
    field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
    return f'"{field.column}"'
