"""A new model that points at a tenant or a debate has to say whose its rows are, and to be put
under a policy by a migration."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.test.utils import isolate_apps

from aragora_site.tenancy import registry
from aragora_site.tenancy.policies import Protect
from aragora_site.tenancy.rules import Own, TenantManager, Through

ROOT = Path(__file__).parents[2]
SEES_ALL = {
    "aragora_site/management/commands/migrate_database.py",
    "aragora_site/management/commands/prepare.py",
    "aragora_site/middleware.py",
    "aragora_site/persistence/postgresql_target.py",
    "aragora_site/startup.py",
    "debates/management/commands/debate.py",
    "debates/management/commands/load_demo.py",
    "debates/management/commands/verify_receipt.py",
    "debates/running/afterwards.py",
    "debates/running/checkpoint.py",
    "debates/management/commands/memory_report.py",
    "debates/running/claims.py",
    "debates/running/loading.py",
    "debates/selectors/finding.py",
    "debates/selectors/queue.py",
    "debates/selectors/sharing.py",
    "debates/selectors/questions.py",
    "debates/services/editing.py",
    "debates/services/idempotency.py",
    "debates/services/remembering.py",
    "debates/streaming/places.py",
    "debates/streaming/queries.py",
    "aragora_site/tenancy/proof.py",
    "memory/selectors/occupancy.py",
    "memory/services/upkeep.py",
}
"""The modules that may see all tenants. Think twice before you add one."""


def test_every_model_says_whose_its_rows_are() -> None:
    assert registry.undeclared() == []


def test_a_model_that_says_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with isolate_apps("debates"):

        class Forgotten(models.Model):
            debate = models.ForeignKey("debates.Debate", on_delete=models.CASCADE)

            class Meta:
                app_label = "debates"

            def __str__(self) -> str:
                return ""

    from debates.models import Debate

    Forgotten._meta.get_field("debate").remote_field.model = Debate
    known = registry.apps.get_models()
    monkeypatch.setattr(registry.apps, "get_models", lambda: [*known, Forgotten])
    assert registry.undeclared() == [Forgotten]


def test_every_table_of_tenants_is_put_under_a_policy_and_has_the_manager() -> None:
    protected = {
        (migration.app_label, operation.model.lower()): operation.rule
        for migration in MigrationLoader(None).disk_migrations.values()
        for operation in migration.operations
        if isinstance(operation, Protect)
    }
    for model, rule in registry.protected().items():
        made = protected.get((model._meta.app_label, str(model._meta.model_name)))
        assert made is not None, f"{model._meta.label} is under no policy"
        assert _without_sample(made) == _without_sample(rule), model._meta.label
        assert isinstance(model._default_manager, TenantManager), model._meta.label


def _without_sample(rule: Own | Through) -> object:
    return type(rule), *(
        getattr(rule, name) for name in rule.__dataclass_fields__ if name != "sample"
    )


def test_only_these_modules_see_all_tenants() -> None:
    found = set()
    for package in ("aragora_site", "debates", "memory", "monitoring", "ratelimit"):
        for path in (ROOT / package).rglob("*.py"):
            names = {
                node.attr if isinstance(node, ast.Attribute) else node.id
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Name | ast.Attribute)
            }
            if names & {"across_tenants", "Purpose"}:
                found.add(path.relative_to(ROOT).as_posix())
    assert found - {"aragora_site/tenancy/scopes.py"} == SEES_ALL
