"""Which tables are tenants' data, read from the models."""

from __future__ import annotations

from functools import cache

from django.apps import apps
from django.db import models

from aragora_site.tenancy.rules import Rule, rule_of

TENANT, DEBATE = "ratelimit.Workspace", "debates.Debate"


@cache
def protected() -> dict[type[models.Model], Rule]:
    """The models whose rows are tenants', with their rules."""
    rules = ((model, rule_of(model)) for model in apps.get_models())
    return {model: rule for model, rule in rules if rule is not None}


@cache
def tables() -> frozenset[str]:
    """The tables of `protected`."""
    return frozenset(model._meta.db_table for model in protected())


def undeclared() -> list[type[models.Model]]:
    """Models that point at a tenant, a debate or a part of one, and say neither `tenancy`, the
    rule, nor `shared_because`, why all tenants share them."""
    roots = {apps.get_model(TENANT), apps.get_model(DEBATE), *protected()}
    return [
        model
        for model in apps.get_models()
        if rule_of(model) is None
        and not getattr(model, "shared_because", "")
        and any(key.related_model in roots for key in _foreign_keys(model))
    ]


def _foreign_keys(model: type[models.Model]) -> list[models.ForeignKey[models.Model, models.Model]]:
    return [field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey)]
