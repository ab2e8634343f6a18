"""Which rows of a model are whose. Said once, on the model, and read by its manager, by the
migration that makes the policies and by `check_tenancy`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import Any, ClassVar, TypeVar, cast

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.sql import Query

from aragora_site.tenancy.scopes import Scope, scope_for

M = TypeVar("M", bound=models.Model)


class Unowned(Enum):
    """What becomes of rows that name no tenant."""

    HIDDEN = auto()
    """Only those who see all tenants see them."""
    READABLE = auto()
    """Everybody may read them."""
    OPEN = auto()
    """They belong to people who are not signed in, who cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Own:
    """The row names its tenant."""

    by: str = "workspace"
    """The field that does."""
    unowned: Unowned = Unowned.HIDDEN
    public: tuple[str, str] | None = None
    """A field, and the value at which everybody may read the row. Of rows that name no tenant,
    too, only these may be read then."""
    linkable: bool = False
    """Whether somebody may be given a link to the row, which lets them read it."""
    sample: dict[str, Any] = field(default_factory=dict, hash=False)
    """What `check_tenancy` puts in a row, where a row of defaults would break a constraint."""

    def readable(self, scope: Scope, model: type[models.Model]) -> Q:
        """The rows that a scope may read that does not see all."""
        rows = Q()
        if scope.tenants:
            rows |= Q(**{f"{self.by}__in": sorted(scope.tenants)})
        if self.linkable and scope.linked:
            rows |= Q(pk__in=sorted(scope.linked))
        if self.public is not None:
            rows |= Q(**dict([self.public]))
        elif self.unowned is not Unowned.HIDDEN:
            rows |= Q(**{f"{self.by}__isnull": True})
        return rows or Q(pk__in=())


@dataclass(frozen=True, slots=True)
class Through:
    """The row is part of another one: whoever may read or change that, may read or change it."""

    by: str
    """The field that names the other row."""
    whole: Own
    """The rule of the other model."""
    unowned: Unowned = Unowned.HIDDEN
    sample: dict[str, Any] = field(default_factory=dict, hash=False)

    def readable(self, scope: Scope, model: type[models.Model]) -> Q:
        key = model._meta.get_field(self.by)
        whole = cast(type[models.Model], key.related_model)
        of = whole._base_manager.filter(self.whole.readable(scope, whole))
        rows = Q(Exists(of.filter(pk=OuterRef(key.attname))))  # type: ignore[union-attr]
        if self.unowned is not Unowned.HIDDEN:
            rows |= Q(**{f"{self.by}__isnull": True})
        return rows


Rule = Own | Through


def rule_of(model: type[models.Model]) -> Rule | None:
    """What the model says of itself."""
    rule: Rule | None = getattr(model, "tenancy", None)
    return rule


class TenantManager(models.Manager[M]):
    """The rows that the current scope may read. Without a scope see `scopes.scope_for`."""

    use_in_migrations: ClassVar[bool] = False  # type: ignore[misc]

    def get_queryset(self) -> models.QuerySet[M]:
        rows = super().get_queryset()
        scope = scope_for(self.model._meta.label)
        rule = rule_of(self.model)
        if not scope.sees_all and rule is not None:
            rows.query = _bounded(self.model, rule, scope).chain()
        return rows


@lru_cache(maxsize=512)
def _bounded(model: type[models.Model], rule: Rule, scope: Scope) -> Query:
    """The rows that the scope may read. Kept, because prefetching asks for them once for each
    object that is prefetched for, and adding a condition is ten times the work of a copy."""
    return models.QuerySet(model).filter(rule.readable(scope, model)).query
