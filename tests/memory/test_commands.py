"""The operator's commands on memory."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from debates.choices import DebateStatus
from debates.models import Debate, QuestionVector
from memory.models import Entry
from memory.tiers import Tier
from tests import factories
from tests.api.conftest import Api
from tests.memory.conftest import People, remember


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_expire_memory_removes_what_has_expired(people: People) -> None:
    now = timezone.now()
    remember(people.ours, "gone", tier=Tier.FAST, now=now - timedelta(minutes=2))
    remember(people.ours, "kept", tier=Tier.SLOW, now=now)
    assert run("expire_memory").startswith("1 expired")
    assert list(Entry.objects.values_list("content", flat=True)) == ["kept"]


def test_reindex_memory_embeds_anew(people: People) -> None:
    remember(people.ours, "The tram was approved.", now=timezone.now())
    debate = factories.make_debate(status=DebateStatus.COMPLETED)
    factories.make_verdict(debate)
    Entry.objects.update(embedder="of old")
    assert run("reindex_memory") == "1 entries and 1 questions embedded.\n"
    assert run("reindex_memory") == "0 entries and 0 questions embedded.\n"
    assert run("reindex_memory", "--all") == "1 entries and 1 questions embedded.\n"
    assert QuestionVector.objects.get().debate == debate


def test_memory_report_tells_how_full_it_is(people: People) -> None:
    entry = remember(people.ours, "The tram was approved.", now=timezone.now())
    report = json.loads(run("memory_report", "--json"))
    slow = next(tier for tier in report["tiers"] if tier["tier"] == "slow")
    assert (slow["entries"], slow["bytes"], slow["scopes"]) == (1, entry.size, 1)
    assert report["moves"] == {"stored": 1}
    assert "slow           1 entries" in run("memory_report")


@pytest.mark.django_db
def test_memory_can_be_switched_off_for_a_debate() -> None:
    names = [factories.make_agent(name).name for name in ("ada", "ben", "cleo")]
    api = Api()
    for body, used in (({}, True), ({"use_memory": False}, False)):
        given = {"task": "Should the town build it?", "agents": names, "autostart": False, **body}
        answer = api.post("/api/v1/debates", given)
        assert answer.status_code == 201, answer.content
        assert Debate.objects.get(pk=answer.json()["id"]).use_memory is used
    form = {"question": "Should the town build it?", "agents": names, "ignore_memory": "on"}
    assert api.client.post("/", form).status_code == 302
    assert not Debate.objects.order_by("-created_at").first().use_memory  # type: ignore[union-attr]
