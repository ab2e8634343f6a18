"""What is stored stays within its bytes, lives as long as its tier says, and moves when earned."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from memory.exceptions import EntryNotFound, InvalidEntry, TierFull
from memory.models import Entry, EntryEvent, Kind, Scope
from memory.scopes import Reader, ScopeName
from memory.selectors.search import search
from memory.services.entries import (
    NewEntry,
    pin,
    pin_fact,
    promote,
    store,
    store_many,
    surprise_debate,
    use,
)
from memory.services.upkeep import consolidate, expire_memory, reindex
from memory.tiers import Tier
from tests.memory.conftest import NOW, People, remember

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _small_tiers(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {f"memory_{tier}_bytes": 2000 for tier in Tier}
    monkeypatch.setattr(settings, "ARAGORA", replace(settings.ARAGORA, embedder="hash", **small))


def moves(entry: Entry) -> list[tuple[str, str, str]]:
    found = EntryEvent.objects.filter(entry_id=entry.pk).order_by("id")
    return list(found.values_list("move", "from_tier", "tier"))


def assert_counted(scope: ScopeName) -> None:
    """The bytes that the scope says are those of its entries, and within the tier."""
    row = Scope.objects.get(key=scope.key)
    for tier in Tier:
        there = Entry.objects.filter(scope=row, tier=tier).aggregate(bytes=Sum("size"))["bytes"]
        assert row.bytes_of(tier) == (there or 0) <= 2000


def test_sizes_are_utf8_bytes(people: People) -> None:
    entry = remember(people.ours, "Straßenbahn – 路面電車")
    assert entry.size == len("Straßenbahn – 路面電車".encode())
    assert_counted(people.ours)


def test_a_full_tier_lets_the_least_valuable_go(people: People) -> None:
    kept = remember(people.ours, "a" * 900, importance=0.9, tier=Tier.FAST)
    least = remember(people.ours, "b" * 900, importance=0.2, tier=Tier.FAST)
    remember(people.ours, "c" * 900, importance=0.5, tier=Tier.FAST)
    assert Entry.objects.filter(pk=kept.pk).exists()
    assert moves(least) == [("stored", "", "fast"), ("evicted", "", "fast")]
    assert_counted(people.ours)


def test_what_makes_room_is_told_before_what_takes_it(people: People) -> None:
    least = remember(people.ours, "b" * 1900, importance=0.2, tier=Tier.FAST)
    new = remember(people.ours, "c" * 1900, importance=0.5, tier=Tier.FAST)
    told = EntryEvent.objects.order_by("id").values_list("entry_id", "move")
    assert list(told) == [(least.pk, "stored"), (least.pk, "evicted"), (new.pk, "stored")]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="others write in several statements")
def test_what_fits_is_written_in_one_message_but_for_the_first_of_a_scope(people: People) -> None:
    remember(people.ours, "The tram was approved.")
    with CaptureQueriesContext(connection) as sent:
        second = remember(people.ours, "The tram was expensive.")
    assert len(sent) == 1
    assert "WITH held AS" in sent[0]["sql"]
    assert moves(second) == [("stored", "", "slow")]
    assert second.scope.pk == Scope.objects.get(key=people.ours.key).pk
    assert_counted(people.ours)


def test_what_leaves_falls_into_the_faster_tier_where_it_would_live(people: People) -> None:
    fresh = remember(people.ours, "b" * 900, importance=0.2)
    remember(people.ours, "a" * 900, importance=0.9)
    remember(people.ours, "c" * 900, importance=0.5)
    fresh.refresh_from_db()
    assert (fresh.tier, fresh.falls) == ("medium", 1)
    assert fresh.expires_at == NOW + timedelta(hours=1)
    assert moves(fresh)[-1] == ("demoted", "slow", "medium")
    assert_counted(people.ours)


def test_what_is_worth_less_than_all_there_is_finds_no_room(people: People) -> None:
    for letter in "ab":
        remember(people.ours, letter * 1000, importance=0.9)
    with pytest.raises(TierFull):
        remember(people.ours, "c" * 500, importance=0.1)
    assert Entry.objects.count() == 2
    assert_counted(people.ours)


@pytest.mark.parametrize(
    ("content", "importance", "field"),
    [
        ("  ", 0.5, "content"),
        ("x" * 2001, 0.5, "content"),
        ("\0", 0.5, "content"),
        ("x", 1.5, "importance"),
    ],
)
def test_bad_input_writes_nothing(
    people: People, content: str, importance: float, field: str
) -> None:
    new = NewEntry(content=content, kind=Kind.NOTE, tier=Tier.SLOW, importance=importance)
    with pytest.raises(InvalidEntry) as refused:
        store(scope=people.ours, entry=new, now=NOW)
    assert refused.value.fields[0][0] == field
    assert not Entry.objects.exists()


def test_nothing_expired_is_returned_although_nobody_removed_it(people: People) -> None:
    entry = remember(people.ours, "The tram was approved.", tier=Tier.MEDIUM)
    reader = people.reader(people.alice)
    at_the_end = NOW + timedelta(hours=1)
    assert search(reader=reader, query="tram", now=at_the_end - MINUTE)
    assert not search(reader=reader, query="tram", now=at_the_end)
    with pytest.raises(EntryNotFound):
        promote(entry_id=entry.pk, reader=reader, tier=Tier.SLOW, now=at_the_end)
    assert expire_memory(now=at_the_end) == 1
    assert moves(entry)[-1][0] == "expired"
    assert_counted(people.ours)


def test_the_lifetime_runs_from_the_last_use(people: People) -> None:
    entry = remember(people.ours, "The tram was approved.", tier=Tier.MEDIUM)
    use(uses=Counter([entry.pk]), now=NOW + 50 * MINUTE)
    entry.refresh_from_db()
    assert entry.expires_at == NOW + 110 * MINUTE
    assert expire_memory(now=NOW + 100 * MINUTE) == 0


def test_use_in_three_debates_earns_a_slower_tier_once(people: People) -> None:
    entry = remember(people.ours, "The tram was approved.", tier=Tier.MEDIUM)
    tiers = []
    for number in range(6):
        use(uses=Counter([entry.pk]), now=NOW + number * MINUTE)
        entry.refresh_from_db()
        tiers.append(entry.tier)
    assert tiers == ["medium", "medium", "slow", "slow", "slow", "glacial"]
    assert (entry.uses, entry.total_uses) == (0, 6)
    assert_counted(people.ours)


def test_a_surprise_earns_a_slower_tier(people: People) -> None:
    debate_id = uuid.uuid4()
    entry = remember(people.ours, "Decided: yes.", kind=Kind.DECISION, debate_id=debate_id)
    surprise_debate(debate_id=debate_id, surprise=0.2, now=NOW)
    entry.refresh_from_db()
    assert (entry.tier, entry.surprise) == ("slow", 0.2)
    surprise_debate(debate_id=debate_id, surprise=0.8, now=NOW)
    entry.refresh_from_db()
    assert (entry.tier, entry.surprise) == ("glacial", 0.8)


def test_a_pinned_fact_neither_expires_nor_leaves(people: People) -> None:
    fact = pin_fact(
        scope=people.ours, content="x" * 900, author_id=people.alice.pk, is_public=False, now=NOW
    )
    later = NOW + timedelta(days=90)
    assert expire_memory(now=later) == 0
    for number in range(6):
        remember(people.ours, f"{number}" * 500, tier=Tier.GLACIAL, importance=1.0, now=later)
    fact.refresh_from_db()
    assert (fact.pinned, fact.tier) == (True, "glacial")
    with pytest.raises(TierFull):  # Half of the tier, and no more, may be pinned.
        pin_fact(scope=people.ours, content="y" * 200, author_id=None, is_public=False, now=NOW)
    assert_counted(people.ours)


def test_pinning_and_unpinning(people: People) -> None:
    reader = people.reader(people.alice)
    entry = remember(people.ours, "The tram was approved.")
    pinned = pin(entry_id=entry.pk, reader=reader, pinned=True, now=NOW)
    assert (pinned.tier, pinned.expires_at) == ("glacial", None)
    unpinned = pin(entry_id=entry.pk, reader=reader, pinned=False, now=NOW)
    assert unpinned.expires_at == NOW + timedelta(weeks=1)
    assert [move for move, *_ in moves(entry)] == ["stored", "promoted", "pinned", "unpinned"]
    assert_counted(people.ours)


def test_a_person_moves_an_entry(people: People) -> None:
    reader = people.reader(people.bob)
    entry = remember(people.ours, "The tram was approved.")
    assert promote(entry_id=entry.pk, reader=reader, tier=Tier.GLACIAL, now=NOW).tier == "glacial"
    with pytest.raises(InvalidEntry):
        promote(entry_id=entry.pk, reader=reader, tier=Tier.GLACIAL, now=NOW)
    assert promote(entry_id=entry.pk, reader=reader, tier=Tier.MEDIUM, now=NOW).tier == "medium"
    with pytest.raises(EntryNotFound):
        promote(entry_id=entry.pk, reader=people.reader(people.charlie), tier=Tier.SLOW, now=NOW)
    assert_counted(people.ours)


def test_consolidating_expires_and_promotes_in_the_own_scopes(people: People) -> None:
    theirs = ScopeName.of_workspace(people.elsewhere.pk)
    for scope in (people.ours, theirs):
        remember(scope, "gone", tier=Tier.FAST)
        earned = remember(scope, "earned", tier=Tier.MEDIUM)
        Entry.objects.filter(pk=earned.pk).update(uses=3)
    done = consolidate(reader=people.reader(people.alice), now=NOW + 2 * MINUTE)
    assert (done.expired, done.promoted) == (1, 1)
    left = Entry.objects.filter(scope__key=theirs.key).order_by("content")
    assert list(left.values_list("tier", flat=True)) == ["medium", "fast"]
    assert_counted(people.ours)


def test_what_a_program_wrote_is_written_once(people: People) -> None:
    for _ in range(2):
        new = NewEntry("Decided.", Kind.DECISION, Tier.SLOW, 0.5, source="debate:1:decision")
        store_many(scope=people.ours, entries=[new, new], now=NOW)
    assert Entry.objects.count() == 1


def test_reindexing_embeds_what_another_embedder_made(people: People) -> None:
    entry = remember(people.ours, "The tram was approved.")
    before = bytes(Entry.objects.get(pk=entry.pk).vector)
    Entry.objects.update(embedder="of old", vector=bytes(1024))
    assert not search(reader=people.reader(people.alice), query="approved tram", now=NOW)[
        0
    ].similarity
    assert reindex() == 1
    assert reindex() == 0
    found = search(reader=people.reader(people.alice), query="approved tram", now=NOW)[0]
    assert found.similarity is not None
    assert bytes(Entry.objects.get(pk=entry.pk).vector) == pytest.approx(before)


def test_a_debate_that_everybody_reads_recalls_only_what_everybody_may_read(
    people: People,
) -> None:
    remember(people.ours, "The tram was approved in secret.")
    remember(people.ours, "The tram was approved in public.", is_public=True)
    tenant = people.team.pk
    for public, count in ((True, 1), (False, 2)):
        reader = Reader.for_debate(workspace_id=tenant, owner_id=people.alice.pk, public=public)
        assert len(search(reader=reader, query="tram approved", now=NOW)) == count
