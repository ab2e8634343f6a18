"""Writing to memory: to store, use, pin, promote and forget."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import structlog
from django.db import connections, transaction
from django.db.models import QuerySet

from aragora_site.bulk import update_rows
from aragora_site.kept import kept
from aragora_site.tenancy.scopes import act_for
from memory import tiers
from memory.exceptions import EntryNotFound, InvalidEntry, TierFull
from memory.indexes import purge_words
from memory.limits import tier_limits
from memory.models import Entry, Kind
from memory.scopes import Reader, ScopeName
from memory.services.at_once import store_at_once
from memory.services.shelf import Shelf, as_kept, lock_existing, lock_scope, scope_id_of, settle
from memory.tiers import Move, NoRoom, Tier

log = structlog.get_logger(__name__)

REHOUSED = "who may read its debate has changed"
LONGEST_CONTENT = 20_000
"""Characters of an entry."""
_CHANGED_BY_USE = ("uses", "total_uses", "last_used_at", "standing", "expires_at")
_of_use = attrgetter(*_CHANGED_BY_USE, "pk")


@dataclass(frozen=True, slots=True)
class NewEntry:
    """Something to remember. `importance` is from 0 to 1."""

    content: str
    kind: Kind
    tier: Tier
    importance: float
    reason: str = "stored"
    confidence: float | None = None
    is_public: bool = False
    pinned: bool = False
    surprise: float = 0.0
    author_id: int | None = None
    debate_id: UUID | None = None
    debate_slug: str = ""
    turn: int | None = None
    source: str | None = field(default=None)
    """Names what a program writes it from; what is there already is not written again."""


def store(*, scope: ScopeName, entry: NewEntry, now: datetime) -> Entry:
    """Remember one thing. Raises `InvalidEntry`, or `TierFull` when everything in the tier is
    worth more."""
    _check(entry)
    stored = store_many(scope=scope, entries=[entry], now=now)
    if not stored:
        raise TierFull(
            f"The {entry.tier} tier is full of what is worth more. Give this a higher importance, "
            "or forget something."
        )
    return stored[0]


def store_many(*, scope: ScopeName, entries: Sequence[NewEntry], now: datetime) -> list[Entry]:
    """Remember several things of one scope in one transaction; those that found room.

    That the caller may write there is for the caller to check. Embeds them first, so it must not
    be called on an event loop."""
    from memory.embeddings.service import get_service

    made = get_service().embed([entry.content for entry in entries])
    stored: list[Entry] = []
    with act_for(scope.workspace_id):
        if len(entries) == 1 and entries[0].source is None and not entries[0].pinned:
            entry = _row(entries[0], now)
            entry.embedder, entry.vector = made.embedder, made.vectors[0].tobytes()
            if store_at_once(scope, entry, entries[0].reason, now):
                return [entry]
    with act_for(scope.workspace_id), transaction.atomic():
        shelf = lock_scope(scope, now)
        known = _known_sources(entries)
        for new, vector in zip(entries, made.vectors, strict=True):
            if new.source is not None and new.source in known:
                continue
            entry = _row(new, now)
            if new.pinned:
                _check_pins(shelf, entry.size)
            entry.embedder, entry.vector = made.embedder, vector.tobytes()
            try:
                shelf.add(entry, new.reason)
            except NoRoom as refused:
                log.info(
                    "memory_not_stored", scope=scope.key, tier=new.tier.value, why=str(refused)
                )
            else:
                stored.append(entry)
                known |= {new.source} if new.source is not None else set()
        shelf.close()
    return stored


def use(*, uses: Mapping[int, int], now: datetime) -> None:
    """Debates have used these entries, each so many times: they live on, are worth more, and may
    have earned a slower tier. What is gone by now is passed over."""
    with transaction.atomic():
        for shelf, entries in _shelves(uses, now):
            for entry in entries:
                entry.uses += uses[entry.pk]
                entry.total_uses += uses[entry.pk]
                entry.last_used_at = now
                settle(entry, shelf.limits[Tier(entry.tier)])
            update_rows(Entry, _CHANGED_BY_USE, ("id",), [_of_use(entry) for entry in entries])
            rise(shelf, [entry.pk for entry in entries if tiers.promotion(as_kept(entry))])
            shelf.close()


def rise(shelf: Shelf, entry_ids: Collection[int]) -> int:
    """Take entries to the slower tiers that they have earned; how many went. Each is looked at
    anew: one that rose may have driven out the next."""
    risen = 0
    for entry_id in entry_ids:
        for entry in shelf.find([entry_id]):
            earned = tiers.promotion(as_kept(entry))
            if earned:
                risen += shelf.move(entry, earned.tier, Move.PROMOTED, earned.reason)
    return risen


def promote(*, entry_id: int, reader: Reader, tier: Tier, now: datetime) -> Entry:
    """Move an entry to the tier that a person asks for. Raises `EntryNotFound`, `InvalidEntry`,
    `TierFull`."""
    with transaction.atomic():
        shelf, entry = _one(entry_id, reader, now)
        if Tier(entry.tier) is tier:
            raise InvalidEntry(
                f"It is in the {tier} tier already.", fields=(("target_tier", "It is there."),)
            )
        up = tiers.ORDER.index(tier) > tiers.ORDER.index(Tier(entry.tier))
        entry.last_used_at = now
        move = Move.PROMOTED if up else Move.DEMOTED
        if entry.size > shelf.limits[tier].max_bytes:
            raise TierFull(f"It is larger than the whole {tier} tier.")
        if not shelf.move(entry, tier, move, "a person moved it"):
            raise TierFull(f"The {tier} tier is full of what is worth more.")
        shelf.close()
    return entry


def pin(*, entry_id: int, reader: Reader, pinned: bool, now: datetime) -> Entry:
    """Keep an entry for good, in the glacial tier, or no longer. Raises `EntryNotFound`,
    `TierFull`."""
    with transaction.atomic():
        shelf, entry = _one(entry_id, reader, now)
        if entry.pinned == pinned:
            return entry
        entry.pinned, entry.last_used_at = pinned, now
        if pinned:
            _check_pins(shelf, entry.size)
            if Tier(entry.tier) is not Tier.GLACIAL and not shelf.move(
                entry, Tier.GLACIAL, Move.PROMOTED, "a person pinned it"
            ):
                raise TierFull("The glacial tier is full of what is worth more.")
        settle(entry, shelf.limits[Tier(entry.tier)])
        entry.save(update_fields=["pinned", "last_used_at", "standing", "expires_at"])
        move = Move.PINNED if pinned else Move.UNPINNED
        shelf.note(entry, move, "a person pinned it" if pinned else "a person unpinned it")
        shelf.close()
    return entry


def pin_fact(
    *, scope: ScopeName, content: str, author_id: int | None, is_public: bool, now: datetime
) -> Entry:
    """Keep a fact for good that a person writes. Raises `InvalidEntry`, `TierFull`."""
    new = NewEntry(
        content=content.strip(),
        kind=Kind.FACT,
        tier=Tier.GLACIAL,
        importance=1.0,
        reason="a person pinned it",
        is_public=is_public,
        pinned=True,
        author_id=author_id,
    )
    return store(scope=scope, entry=new, now=now)


def forget(*, entry_ids: Collection[int], reader: Reader, now: datetime) -> int:
    """Forget entries for good: their text, words and vectors; how many there were. `reader` is
    whoever may change them. Raises `EntryNotFound` when none of them is there for them."""
    visible = Entry.objects.filter(reader.entries(), pk__in=list(entry_ids))
    with transaction.atomic():
        forgotten = _forget(list(visible.values_list("pk", flat=True)), now)
    if not forgotten:
        raise EntryNotFound("There is no such entry, or it is not yours to change.")
    return forgotten


def remove(*, entry_ids: Collection[int], now: datetime) -> int:
    """The same for an operator, who may forget whatever there is."""
    with transaction.atomic():
        return _forget(entry_ids, now)


def forget_debate(*, debate_id: UUID, now: datetime) -> int:
    """Forget what a debate left; how much that was. In the caller's transaction, if there is
    one."""
    left = Entry.objects.filter(debate_id=debate_id)
    with transaction.atomic():
        return _forget(list(left.values_list("pk", flat=True)), now)


def rehouse_debate(*, debate_id: UUID, scope: ScopeName, is_public: bool, now: datetime) -> None:
    """Who may read a debate has changed, and with it who may recall what it left, which belongs
    into `scope` now. What finds no room there is forgotten."""
    left = Entry.objects.filter(debate_id=debate_id)
    with transaction.atomic():
        home_id = scope_id_of(scope) if left.exclude(scope__key=scope.key).exists() else None
        if home_id is not None:
            _rehouse(list(left.exclude(scope=home_id).order_by("pk")), home_id, now)
        left.update(is_public=is_public)


def _rehouse(entries: Sequence[Entry], home_id: int, now: datetime) -> None:
    scopes = sorted({home_id, *(entry.scope_id for entry in entries)})
    shelves = {scope_id: lock_existing(scope_id, now) for scope_id in scopes}
    home = shelves[home_id]
    for entry in entries:
        shelf = shelves[entry.scope_id]
        if shelf is None or not shelf.entries().filter(pk=entry.pk).exists():
            continue
        shelf.remove([entry], Move.FORGOTTEN, REHOUSED)
        if home is not None:
            entry.pk = None
            with contextlib.suppress(NoRoom):
                home.add(entry, REHOUSED)
    for shelf in shelves.values():
        if shelf is not None:
            shelf.close()


def surprise_debate(*, debate_id: UUID, surprise: float, now: datetime) -> None:
    """It turned out how far a debate was from the truth: what it left matters more, and what
    contradicted it moves to a slower tier."""
    ids = Entry.objects.filter(debate_id=debate_id, kind=Kind.DECISION).values_list("pk", flat=True)
    with transaction.atomic():
        for shelf, entries in _shelves(list(ids), now):
            for entry in entries:
                entry.surprise = surprise
                entry.last_used_at = now
                settle(entry, shelf.limits[Tier(entry.tier)])
                entry.save(update_fields=["surprise", "last_used_at", "standing", "expires_at"])
            rise(shelf, [entry.pk for entry in entries])
            shelf.close()


# --- Helpers -----------------------------------------------------------------------------------


def _forget(ids: Collection[int], now: datetime) -> int:
    count = 0
    for shelf, entries in _shelves(ids, now):
        shelf.remove(entries, Move.FORGOTTEN, "somebody asked to forget it")
        shelf.close()
        count += len(entries)
    if count:
        purge_words(connections[Entry.objects.db])
    return count


def _shelves(ids: Collection[int], now: datetime) -> Iterable[tuple[Shelf, list[Entry]]]:
    """The scopes of these entries, locked in a fixed order, with the entries as they then are."""
    for scope_id in sorted({scope_id for (scope_id,) in _scopes_of.rows(tuple(ids))}):
        shelf = lock_existing(scope_id, now)
        if shelf is not None:
            yield shelf, shelf.find(ids)


@kept
def _scopes_of(keys: tuple[int, ...]) -> QuerySet[Any, Any]:
    return Entry.objects.filter(pk__in=keys).order_by().values_list("scope_id")


def _one(entry_id: int, reader: Reader, now: datetime) -> tuple[Shelf, Entry]:
    visible = Entry.objects.filter(reader.entries(), pk=entry_id)
    for shelf, entries in _shelves(visible.values_list("pk", flat=True), now):
        for entry in entries:
            if entry.expires_at is None or entry.expires_at > now:
                return shelf, entry
    raise EntryNotFound("There is no such entry, or it is not yours to change.")


def _known_sources(entries: Sequence[NewEntry]) -> set[str]:
    sources = tuple(entry.source for entry in entries if entry.source is not None)
    return {source for (source,) in _written_before.rows(sources)} if sources else set()


@kept
def _written_before(sources: tuple[str, ...]) -> QuerySet[Any, Any]:
    return Entry.objects.filter(source__in=sources).order_by().values_list("source")


def _row(new: NewEntry, now: datetime) -> Entry:
    return Entry(
        content=new.content,
        kind=new.kind,
        tier=new.tier,
        size=len(new.content.encode("utf-8", "replace")),
        importance=new.importance,
        surprise=new.surprise,
        confidence=new.confidence,
        is_public=new.is_public,
        pinned=new.pinned,
        author_id=new.author_id,
        debate_id=new.debate_id,
        debate_slug=new.debate_slug,
        turn=new.turn,
        source=new.source,
        created_at=now,
        last_used_at=now,
    )


def _check(entry: NewEntry) -> None:
    faults: list[tuple[str, str]] = []
    if not entry.content.strip():
        faults.append(("content", "Write what is to be remembered."))
    elif len(entry.content) > LONGEST_CONTENT:
        faults.append(("content", f"Use at most {LONGEST_CONTENT:,} characters."))
    elif "\0" in entry.content or any(0xD800 <= ord(c) <= 0xDFFF for c in entry.content):
        faults.append(("content", "Remove the characters that no database can hold."))
    else:
        most = tier_limits()[entry.tier].max_bytes
        if len(entry.content.encode()) > most:
            faults.append(("content", f"The {entry.tier} tier holds at most {most:,} bytes."))
    if not 0.0 <= entry.importance <= 1.0:
        faults.append(("importance", "Use a number from 0 to 1."))
    if faults:
        raise InvalidEntry(" ".join(text for _, text in faults), fields=tuple(faults))


def _check_pins(shelf: Shelf, size: int) -> None:
    pinned = shelf.entries().filter(pinned=True).values_list("size", flat=True)
    if not tiers.may_pin(pinned_bytes=sum(pinned), size=size, limits=shelf.limits[Tier.GLACIAL]):
        raise TierFull("Half of the glacial tier is pinned already. Unpin something first.")
