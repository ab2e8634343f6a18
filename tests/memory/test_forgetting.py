"""What somebody asks to forget is gone: text, words, vector and caches."""

from __future__ import annotations

import sqlite3
import uuid

import pytest
from django.db import connection

from memory.embeddings.cache import key_of
from memory.embeddings.service import get_service
from memory.exceptions import EntryNotFound
from memory.models import Entry, EntryEvent
from memory.selectors import search as finding
from memory.selectors.nearest import is_indexed
from memory.selectors.search import search
from memory.services.entries import forget, forget_debate
from tests.memory.conftest import NOW, People, remember

SECRET = "The passphrase is xylophonequartz."


def rows_at_hand() -> int:
    """Vectors that this process keeps for searching; with pgvector it keeps none."""
    kept = finding._matrices
    return 0 if kept is None else sum(int(m.vectors.any(axis=1).sum()) for m in kept._kept.values())


def test_nothing_of_it_is_left(people: People, django_capture_on_commit_callbacks: object) -> None:
    reader = people.reader(people.alice)
    entry = remember(people.ours, SECRET)
    remember(people.ours, "Something else.")
    key = key_of(get_service().name, SECRET)
    assert get_service().cache.get(key) is not None
    assert search(reader=reader, query="xylophonequartz", now=NOW)
    keeps_vectors = not is_indexed(Entry)
    assert rows_at_hand() == (2 if keeps_vectors else 0)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert forget(entry_ids=[entry.pk], reader=reader, now=NOW) == 1
    assert get_service().cache.get(key) is None
    assert rows_at_hand() == (1 if keeps_vectors else 0)
    assert not search(reader=reader, query="xylophonequartz", now=NOW)
    assert not Entry.objects.filter(content__contains="xylophone").exists()
    last = EntryEvent.objects.filter(entry_id=entry.pk).first()
    assert last is not None
    assert (last.move, last.tier, last.size) == ("forgotten", "slow", len(SECRET))
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT block FROM memory_entry_words_data")
            assert not any(b"xylophon" in row[0] for row in cursor.fetchall())


def test_others_cannot_forget_it(people: People) -> None:
    entry = remember(people.ours, SECRET)
    with pytest.raises(EntryNotFound):
        forget(entry_ids=[entry.pk], reader=people.reader(people.charlie), now=NOW)
    assert Entry.objects.filter(pk=entry.pk).exists()


def test_what_a_debate_left_goes_with_it(people: People) -> None:
    debate_id = uuid.uuid4()
    remember(people.ours, SECRET, debate_id=debate_id)
    remember(people.ours, "Of another.", debate_id=uuid.uuid4())
    assert forget_debate(debate_id=debate_id, now=NOW) == 1
    assert list(Entry.objects.values_list("content", flat=True)) == ["Of another."]


def test_words_follow_when_a_tenant_is_removed(people: People) -> None:
    remember(people.ours, SECRET)
    people.team.delete()
    assert not Entry.objects.exists()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            try:
                cursor.execute(
                    "INSERT INTO memory_entry_words(memory_entry_words) VALUES ('integrity-check')"
                )
            except sqlite3.DatabaseError:
                pytest.fail("the index of words does not match the entries")
