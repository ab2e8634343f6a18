"""Proves on the live database that tenants are kept apart: what the catalogue says, and what rows
do. The rows are made for it and rolled back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import Error, connection, models, transaction
from django.db.models.sql import InsertQuery
from django.utils import timezone

from aragora_site.tenancy import registry
from aragora_site.tenancy.policies import COMMANDS
from aragora_site.tenancy.rules import Own, Rule
from aragora_site.tenancy.scopes import Purpose, across_tenants, act_for

MARK = "check-tenancy"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    """A table, or "role" or "models"."""
    check: str
    ok: bool
    detail: str = ""


class _Rollback(Exception):
    """Nothing of the probe stays."""


def prove() -> list[Finding]:
    """Look at everything. Only PostgreSQL can hold what is looked for."""
    findings = [_models(), *_role()]
    for model, _ in _tables():
        findings += _catalogue(model)
    findings += _probe()
    return findings


# --- The catalogue -----------------------------------------------------------------------------


def _models() -> Finding:
    missing = ", ".join(model._meta.label for model in registry.undeclared())
    detail = f"{missing}: say `tenancy` or `shared_because`" if missing else ""
    return Finding("models", "every model says whose its rows are", not missing, detail)


def _role() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        )
        name, is_superuser, bypasses = cursor.fetchone()
    hint = "policies do not hold for it; use the role of deploy/postgres/roles.sql"
    yield Finding("role", "is no superuser", not is_superuser, hint if is_superuser else name)
    yield Finding("role", "has no BYPASSRLS", not bypasses, hint if bypasses else name)


def _catalogue(model: type[models.Model]) -> Iterator[Finding]:
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass",
            [table],
        )
        enabled, forced = cursor.fetchone()
        cursor.execute(
            "SELECT policyname, permissive FROM pg_policies "
            "WHERE schemaname = current_schema() AND tablename = %s",
            [table],
        )
        policies = dict(cursor.fetchall())
    yield Finding(table, "row-level security is on", enabled)
    yield Finding(table, "also for the owner (FORCE)", forced)
    wanted = {f"tenancy_{command}" for command in COMMANDS}
    missing, others = (
        wanted - policies.keys(),
        {
            # Any one policy that lets a row pass is enough.
            name
            for name, kind in policies.items()
            if name not in wanted and kind == "PERMISSIVE"
        },
    )
    detail = "; ".join(
        f"{word}: {', '.join(sorted(names))}"
        for word, names in (("missing", missing), ("not known", others))
        if names
    )
    yield Finding(table, "has one policy for each command", not detail, detail)


# --- What rows do ------------------------------------------------------------------------------


def _probe() -> list[Finding]:
    findings: list[Finding] = []
    try:
        with transaction.atomic():
            try:
                with across_tenants(Purpose.OPERATOR), transaction.atomic():
                    probe = _Rows()
            except Error as error:
                findings.append(Finding("rows", "can be made for the probe", False, _said(error)))
                raise _Rollback from error
            for model, rule in _tables():
                findings += probe.look_at(model, rule)
            raise _Rollback
    except _Rollback:
        return findings


class _Rows:
    """Two tenants, and for the first one a private debate and a row in every table."""

    def __init__(self) -> None:
        self._made: dict[type[models.Model], Any] = {}
        user = _filled(_target("debates.Debate", "owner"), username=f"{MARK}-{uuid.uuid4().hex}")
        user.save()
        workspace = _target("debates.Debate", "workspace")
        self.tenant, self.stranger = uuid.uuid4(), uuid.uuid4()
        for number, key in enumerate((self.tenant, self.stranger)):
            _filled(workspace, pk=key, slug=f"{MARK}-{number}-{key.hex}"[:64]).save()
        self._given = {user.__class__: user, workspace: workspace(pk=self.tenant)}
        for model, rule in _tables():
            self._row(model, rule)

    def _row(self, model: type[models.Model], rule: Rule) -> Any:
        if model not in self._made:
            self._made[model] = row = self._new(model, rule)
            row.save(force_insert=True)
        return self._made[model]

    def _new(self, model: type[models.Model], rule: Rule) -> Any:
        values: dict[str, Any] = dict(rule.sample)
        if isinstance(rule, Own) and rule.public is not None:
            values[rule.public[0]] = "private"
        for field in model._meta.concrete_fields:
            if not isinstance(field, models.ForeignKey) or field.name in values:
                continue
            target = field.related_model
            if target in self._given:
                values[field.name] = self._given[target]
            elif target in registry.protected() and target is not model:
                values[field.name] = self._row(target, registry.protected()[target])
        return _filled(model, **values)

    def look_at(self, model: type[models.Model], rule: Rule) -> Iterator[Finding]:
        """What its tenant, another one and nobody can do with the row, in savepoints."""
        table, row = model._meta.db_table, self._made[model]
        rows = model._base_manager.filter(pk=row.pk)
        with act_for(self.tenant):
            seen = rows.count()
        yield Finding(table, "its tenant sees it", seen == 1)
        for who, scope in (("another tenant", (self.stranger,)), ("no tenant", ())):
            with act_for(*scope):
                yield Finding(table, f"{who} does not see it", not rows.count())
                yield Finding(table, f"{who} cannot change it", not _changed(rows, rule))
                yield Finding(table, f"{who} cannot delete it", not _deleted(model, row.pk))
                yield self._insert(model, rule, who)

    def _insert(self, model: type[models.Model], rule: Rule, who: str) -> Finding:
        """Another row like it, which only the policy should refuse."""
        check, table = f"{who} cannot add to it", model._meta.db_table
        try:
            with transaction.atomic():
                another = self._new(model, rule)
                another.pk = None if model._meta.auto_field else uuid.uuid4()
                _insert(another)
                raise _Rollback
        except _Rollback:
            return Finding(table, check, False, "a row was added")
        except Error as error:
            refused = getattr(error.__cause__, "sqlstate", "") == "42501"
            return Finding(table, check, refused, "" if refused else _said(error))


def _insert(row: models.Model) -> None:
    """Without RETURNING, for which the row would have to be readable as well."""
    fields = [f for f in row._meta.local_concrete_fields if not (f.primary_key and row.pk is None)]
    query = InsertQuery(type(row))
    query.insert_values(fields, [row])
    with connection.cursor() as cursor:
        for statement, parameters in query.get_compiler(connection=connection).as_sql():
            cursor.execute(statement, parameters)


def _changed(rows: models.QuerySet[Any], rule: Rule) -> int:
    with _savepoint():
        return rows.update(**{rule.by: models.F(rule.by)})


def _deleted(model: type[models.Model], pk: Any) -> bool:
    table, key = model._meta.db_table, model._meta.pk.column
    with _savepoint(), connection.cursor() as cursor:
        cursor.execute(f'DELETE FROM "{table}" WHERE "{key}" = %s', [pk])  # noqa: S608
        return bool(cursor.rowcount)


@contextmanager
def _savepoint() -> Iterator[None]:
    point = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)


# --- Rows out of nothing -----------------------------------------------------------------------


def _filled(model: type[models.Model], **values: Any) -> Any:
    """A row of the model; what is not given and has no default gets the plainest value."""
    for field in model._meta.concrete_fields:
        wanted = not (field.null or field.blank or field.has_default() or field.primary_key)
        if wanted and field.name not in values and not field.is_relation:
            values[field.name] = _plain(field)
    return model(**values)


def _plain(field: models.Field[Any, Any]) -> Any:
    if field.choices:
        return next(iter(field.flatchoices))[0]
    if isinstance(field, models.DateTimeField):
        return timezone.now()
    if isinstance(field, models.JSONField):
        return {}
    if isinstance(field, models.BooleanField):
        return False
    if isinstance(field, models.UUIDField):
        return uuid.uuid4()
    if isinstance(field, models.CharField | models.TextField):
        return f"{MARK}-{uuid.uuid4().hex}"[: field.max_length]
    return 1


def _target(label: str, name: str) -> Any:
    from django.apps import apps

    return apps.get_model(label)._meta.get_field(name).related_model


def _tables() -> list[tuple[type[models.Model], Rule]]:
    return sorted(registry.protected().items(), key=lambda item: item[0]._meta.db_table)


def _said(error: Error) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
