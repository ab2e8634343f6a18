"""Whose memory is meant, and who may see it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from memory.models import ScopeKind

SHARED = "shared"
"""Stands for the workspace of those who are not signed in."""


@dataclass(frozen=True, slots=True)
class ScopeName:
    """Names a scope, whether or not anything is remembered there yet."""

    kind: ScopeKind
    workspace_id: UUID | None
    """None: of those who are not signed in."""
    user_id: int | None = None
    debate_id: UUID | None = None

    @classmethod
    def of_workspace(cls, workspace_id: UUID | None) -> ScopeName:
        return cls(ScopeKind.WORKSPACE, workspace_id)

    @classmethod
    def of_user(cls, user_id: int, workspace_id: UUID | None) -> ScopeName:
        """A person's own, within a workspace: it goes with the tenant, and nobody else in it sees
        it."""
        return cls(ScopeKind.USER, workspace_id, user_id)

    @classmethod
    def of_debate(
        cls, debate_id: UUID, *, workspace_id: UUID | None, user_id: int | None
    ) -> ScopeName:
        return cls(ScopeKind.DEBATE, workspace_id, user_id, debate_id)

    @property
    def key(self) -> str:
        tenant = self.workspace_id.hex if self.workspace_id else SHARED
        match self.kind:
            case ScopeKind.WORKSPACE:
                return f"workspace:{tenant}"
            case ScopeKind.USER:
                return f"user:{self.user_id}:{tenant}"
            case _:
                return f"debate:{self.debate_id.hex if self.debate_id else ''}"


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who looks into memory: the scopes of their own, and of workspaces they belong to."""

    user_id: int | None = None
    workspace_ids: frozenset[UUID] = frozenset()
    is_shared: bool = False
    """Whether they see what those left who are not signed in."""
    public_only: bool = False
    """For a debate that everybody may read."""

    @classmethod
    def for_debate(cls, *, workspace_id: UUID | None, owner_id: int | None, public: bool) -> Reader:
        """What a debate may be shown: its tenant's memory, and its owner's within it."""
        if workspace_id is None:
            return cls(is_shared=True, public_only=public)
        return cls(owner_id, frozenset({workspace_id}), public_only=public)

    def scopes(self) -> Q:
        """The condition on `Scope`, or behind a prefix on what has one."""
        return self._condition("")

    def entries(self) -> Q:
        """The condition on `Entry`; every query of entries for somebody has it."""
        seen = self._condition("scope__")
        return seen & Q(is_public=True) if self.public_only else seen

    def _condition(self, prefix: str) -> Q:
        def where(**fields: object) -> Q:
            return Q(**{f"{prefix}{name}": value for name, value in fields.items()})

        seen = Q(pk__in=())
        if self.is_shared:
            seen |= where(kind=ScopeKind.WORKSPACE, workspace=None)
        if self.workspace_ids:
            tenants = sorted(self.workspace_ids)
            seen |= where(kind=ScopeKind.WORKSPACE, workspace__in=tenants)
            if self.user_id is not None:
                own = where(user=self.user_id, workspace__in=tenants)
                seen |= own & ~where(kind=ScopeKind.WORKSPACE)
        return seen
