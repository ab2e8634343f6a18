"""Whose memory is tested: alice owns it, bob is a team-mate of hers, charlie a stranger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from memory.embeddings.service import reset_service
from memory.models import Entry, Kind
from memory.scopes import Reader, ScopeName
from memory.selectors.search import forget_matrices
from memory.services.entries import NewEntry, store
from memory.tiers import Tier
from ratelimit.models import Membership, Workspace

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _embedder_of_its_own(
    _no_embedder_to_load: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The default one; whatever a test configures is forgotten after it."""
    monkeypatch.setattr(settings, "ARAGORA", replace(settings.ARAGORA, embedder="wordllama"))
    reset_service()
    forget_matrices()
    yield
    reset_service()
    forget_matrices()


@dataclass(frozen=True)
class People:
    alice: User
    bob: User
    charlie: User
    team: Workspace
    elsewhere: Workspace

    def reader(self, user: User) -> Reader:
        theirs = Membership.objects.filter(user=user).values_list("workspace", flat=True)
        return Reader(user.pk, frozenset(theirs))

    @property
    def ours(self) -> ScopeName:
        return ScopeName.of_workspace(self.team.pk)


@pytest.fixture
def people(db: None) -> People:
    alice, bob, charlie = (User.objects.create_user(name) for name in ("alice", "bob", "charlie"))
    team = Workspace.objects.create(name="Team", slug="team")
    elsewhere = Workspace.objects.create(name="Elsewhere", slug="elsewhere")
    for user, workspace in ((alice, team), (bob, team), (charlie, elsewhere)):
        Membership.objects.create(user=user, workspace=workspace)
    return People(alice, bob, charlie, team, elsewhere)


def remember(scope: ScopeName, content: str, *, now: datetime = NOW, **fields: Any) -> Entry:
    """An entry, by the service; of the slow tier unless told otherwise."""
    given: dict[str, Any] = {"kind": Kind.NOTE, "tier": Tier.SLOW, "importance": 0.5, **fields}
    return store(scope=scope, entry=NewEntry(content=content, **given), now=now)
