"""alice and bob share a workspace, charlie has one of his own, and somebody has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from debates import models
from debates.choices import Visibility
from memory.models import Entry, EntryEvent, Scope
from memory.scopes import ScopeName
from ratelimit.models import Membership, Workspace
from ratelimit.workspaces import personal_workspace
from tests import factories

# Run under `tests.support.on_postgresql`.
collect_ignore = [] if connection.vendor == "postgresql" else ["test_policies.py"]


@dataclass
class People:
    alice: User
    bob: User
    charlie: User
    shared: Workspace
    """Of alice and bob."""


@pytest.fixture
def people(db: None) -> People:
    alice, bob, charlie = (factories.make_user(name) for name in ("alice", "bob", "charlie"))
    for user in (alice, bob, charlie):
        personal_workspace(user)
    shared = Workspace.objects.create(slug="shared", name="Shared")
    for user in (alice, bob):
        Membership.objects.create(workspace=shared, user=user)
    return People(alice, bob, charlie, shared)


@pytest.fixture
def debate(people: People) -> models.Debate:
    """alice's, private, in the workspace that she shares with bob."""
    return factories.make_debate(
        owner=people.alice, workspace=people.shared, visibility=Visibility.PRIVATE
    )


def _answer(debate: models.Debate) -> models.IdempotencyRecord:
    return models.IdempotencyRecord.objects.create(
        key="k",
        principal="user:1",
        workspace=debate.workspace,
        operation="POST /",
        request_hash="0",
        status=201,
        expires_at=timezone.now(),
    )


def _scope(debate: models.Debate) -> Scope:
    name = ScopeName.of_workspace(debate.workspace_id)
    return Scope.objects.get_or_create(
        key=name.key, defaults={"kind": name.kind, "workspace": debate.workspace}
    )[0]


def _entry(debate: models.Debate) -> Entry:
    return Entry.objects.create(
        scope=_scope(debate),
        workspace=debate.workspace,
        tier="glacial",
        kind="fact",
        content="The tram was built.",
        size=19,
        importance=1.0,
        standing=1.0,
        pinned=True,
        is_public=True,
        last_used_at=timezone.now(),
    )


def _entry_event(debate: models.Debate) -> EntryEvent:
    return EntryEvent.objects.create(
        entry_id=1,
        scope=_scope(debate),
        workspace=debate.workspace,
        move="stored",
        tier="glacial",
        size=19,
        created_at=timezone.now(),
    )


def _outcome(debate: models.Debate) -> models.Outcome:
    return models.Outcome.objects.create(
        debate=debate, came_true=True, confidence=0.6, surprise=0.4, recorded_at=timezone.now()
    )


ROWS: dict[type[Model], Callable[[Any], Model]] = {
    models.Debate: lambda debate: debate,
    models.DebateEvent: factories.make_event,
    models.Round: factories.make_round,
    models.Turn: factories.make_turn,
    models.Ballot: factories.make_ballot,
    models.Verdict: factories.make_verdict,
    models.Document: lambda debate: factories.make_document(debate=debate),
    models.AudienceVote: factories.make_audience_vote,
    models.Suggestion: factories.make_suggestion,
    models.StreamPlace: factories.make_stream_place,
    models.UsageRecord: factories.make_usage_record,
    models.Outcome: _outcome,
    models.QuestionVector: lambda debate: models.QuestionVector.objects.create(
        debate=debate, embedder="hash-256", vector=bytes(1024)
    ),
    models.ShareLink: lambda debate: models.ShareLink.objects.create(debate=debate),
    models.IdempotencyRecord: _answer,
    Scope: _scope,
    Entry: _entry,
    EntryEvent: _entry_event,
}
"""A row of each model that is tenants' data, of this debate or its tenant."""
OF_THE_TENANT = (models.IdempotencyRecord, Scope, Entry, EntryEvent)
"""What stays the tenant's, although the debate is everybody's to read."""
