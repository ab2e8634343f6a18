"""Where sockets are in the debates that they follow, so that a client can come back empty-handed.

CONTRACT: a client that reconnects within a minute without naming a debate goes on where it was.
Clients that number what they have need none of this, and nothing is kept of them. What is known
here is what was sent, which a connection that broke may have swallowed the end of; `subscribed`
says from where on events follow.

All synchronous; `Whereabouts` is the part of it that lives on the event loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.models import Debate, StreamPlace
from debates.running.holders import is_certainly_dead
from debates.visitors import Person

KEPT_SECONDS = 60.0
SILENT_SECONDS = 15.0
"""An instance that has not said for so long that its sockets are open has died."""


@dataclass(frozen=True, slots=True)
class Place:
    """The last event that a socket was sent of a debate."""

    debate_id: UUID
    epoch: str
    """Empty until the log has been looked at."""
    seq: int


@dataclass(frozen=True, slots=True)
class Known:
    """A socket that is open, and where it is."""

    person: str
    connection: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Where somebody who comes back was."""

    places: tuple[Place, ...] = ()
    undecided: bool = False
    """They have sockets of which it is not known whether they are still open."""


def key_of(person: Person, *, token: str) -> str:
    """By what somebody is known again: their token, else who they are."""
    if token:
        return "token:" + hashlib.sha256(token.encode()).hexdigest()
    return person.key


@across_tenants(Purpose.STREAM)
def keep(known: Iterable[Known], *, holder: str, now: datetime) -> None:
    """Note where these sockets are."""
    _write(known, holder=holder, left=False, now=now)


@across_tenants(Purpose.STREAM)
def leave(known: Iterable[Known], *, holder: str, now: datetime) -> None:
    """Note where these sockets were when they went."""
    _write(known, holder=holder, left=True, now=now)


@across_tenants(Purpose.STREAM)
def forget(connection: str, debate_id: UUID | None = None) -> None:
    """A socket said goodbye, or follows a debate no longer."""
    rows = StreamPlace.objects.filter(connection=connection)
    if debate_id is not None:
        rows = rows.filter(debate_id=debate_id)
    rows.delete()


@across_tenants(Purpose.STREAM)
def find(person: str, *, now: datetime) -> Found:
    """Where the sockets of this person were that are gone.

    For each of them one other gets it all: which of several is which cannot be known, and too much
    can be told apart by its `debate_id`, while too little is a gap."""
    recent = StreamPlace.objects.filter(person=person, seen_at__gt=_oldest(now))
    if not recent.exists():
        return Found()
    with transaction.atomic():
        rows = recent.select_for_update().order_by("seen_at", "connection")
        gone, undecided = [], False
        for row in rows:
            if row.left or _is_gone(row, now):
                gone.append(row)
            else:
                undecided = True
        waiting = [row.connection for row in gone if not row.replaced]
        if not waiting:
            return Found(undecided=undecided)
        StreamPlace.objects.filter(connection=waiting[0]).update(left=True, replaced=True)
    return Found(places=tuple(_earliest(gone).values()))


@across_tenants(Purpose.STREAM)
def sweep(now: datetime) -> None:
    """Drop what is too old to be asked for."""
    StreamPlace.objects.filter(seen_at__lte=_oldest(now)).delete()


def _oldest(now: datetime) -> datetime:
    return now - timedelta(seconds=KEPT_SECONDS)


def _is_gone(row: StreamPlace, now: datetime) -> bool:
    silent = now - row.seen_at > timedelta(seconds=SILENT_SECONDS)
    return silent or is_certainly_dead(row.holder)


def _earliest(rows: Iterable[StreamPlace]) -> Mapping[UUID, Place]:
    """For each debate the place from which on nothing is missing to any of the sockets."""
    places: dict[UUID, Place] = {}
    for row in rows:
        known = places.get(row.debate_id)
        if known is None or row.seq < known.seq:
            places[row.debate_id] = Place(row.debate_id, str(row.epoch or ""), row.seq)
    return places


def _write(known: Iterable[Known], *, holder: str, left: bool, now: datetime) -> None:
    places = [(one, place) for one in known for place in one.places]
    debate_ids = {place.debate_id for _, place in places}
    there = set(Debate.objects.filter(pk__in=debate_ids).values_list("pk", flat=True))
    rows = [
        StreamPlace(
            person=one.person,
            connection=one.connection,
            debate_id=place.debate_id,
            epoch=UUID(place.epoch) if place.epoch else None,
            seq=place.seq,
            holder=holder,
            left=left,
            seen_at=now,
        )
        for one, place in places
        if place.debate_id in there
    ]
    # Who notes that sockets are open may be overtaken by one that goes.
    changed = ["epoch", "seq", "seen_at", *(["left"] if left else [])]
    StreamPlace.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["connection", "debate"],
        update_fields=changed,
    )
