"""Fills the configured database with rows of every kind: `python -m tests.database.filling N`.

A module to run, because it fills the database of another installation than the tests'."""

from __future__ import annotations

import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any

AWKWARD: dict[str, Any] = {
    "numbers": [1, 1.0, 0.1, 1e22, -0.0, 12345678901234567],
    "text": "Grüße, 'quoted', \\ and 🦊, with %s and %(name)s",
    "nested": {"b": [None, True, {"z": 1, "a": []}], "a": ""},
}


def fill(events: int) -> None:
    from django.contrib.admin.models import CHANGE, LogEntry
    from django.contrib.auth.models import Group, Permission
    from django.contrib.contenttypes.models import ContentType
    from django.contrib.sessions.backends.db import SessionStore
    from django.utils import timezone

    from debates.models import Debate, DebateEvent, Preferences
    from ratelimit.workspaces import personal_workspace
    from tests import factories

    alice, bob = factories.make_user("alice", superuser=True), factories.make_user("bob")
    group = Group.objects.create(name="moderators")
    group.permissions.add(*Permission.objects.filter(codename__startswith="change_")[:5])
    bob.groups.add(group)
    workspace = personal_workspace(alice)
    session = SessionStore()
    session["who"] = "alice"
    session.save()
    LogEntry.objects.create(
        user=alice,
        content_type=ContentType.objects.get_for_model(Debate),
        object_id="1",
        object_repr="x",
        action_flag=CHANGE,
    )
    Preferences.objects.create(
        user=alice,
        agents=["first", "second"],
        budget_usd=Decimal("0.5000"),
        updated_at=timezone.now(),
    )
    first = factories.make_agent("first", input_price=Decimal("0.0100"))
    first.fallback = factories.make_agent("second")
    first.save()
    for number in range(3):
        debate = factories.make_debate(metadata=AWKWARD, tags=["tram", "Grüße"])
        debate.owner, debate.workspace = alice, workspace
        debate.save()
        factories.make_document(debate=debate, number=number + 1)
        factories.make_round(debate)
        factories.make_turn(debate, "ada", cost_usd=Decimal("0.100000"))
        factories.make_verdict(debate)
        factories.make_ballot(debate)
        factories.make_audience_vote(debate)
        factories.make_suggestion(debate)
        factories.make_usage_record(debate, cost_usd=Decimal("1.234567"))
        factories.make_match(debate, won="ada", lost=f"ben{number}")
    factories.make_usage_record(None)
    factories.make_rating("ada", elo=1512.3456789)
    now = timezone.now()
    DebateEvent.objects.bulk_create(
        (
            DebateEvent(
                debate=debate,
                seq=seq,
                type="propose",
                data={**AWKWARD, "seq": seq},
                created_at=now + timedelta(microseconds=seq),
            )
            for seq in range(1000, 1000 + events)
        ),
        batch_size=500,
    )


if __name__ == "__main__":
    import django

    django.setup()
    from aragora_site.tenancy.scopes import Purpose, across_tenants

    with across_tenants(Purpose.OPERATOR):
        fill(int(sys.argv[1]))
