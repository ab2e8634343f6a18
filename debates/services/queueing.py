"""Joining the queue. Who waits in which place is `selectors.queue`'s to say."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import transaction

from debates.choices import EventType
from debates.exceptions import QueueFull
from debates.models import Debate
from debates.running.jobs import bring_jobs
from debates.running.order import share_of
from debates.selectors.queue import (
    place_on_joining,
    queue_pace,
    room_for_all,
    room_on_coming,
)
from debates.services.events import NewEvent
from debates.streaming.events import DebateQueued

LONGEST_RETRY_SECONDS = 300


def enter_queue(debate: Debate) -> NewEvent:
    """`join_queue` for a debate that has not waited before: raises `QueueFull` when as many wait as
    may, or as many of its workspace or its person.

    On PostgreSQL a few more get in when several come at the same moment: a lock would make every
    creation wait for the others."""
    limit = settings.ARAGORA.max_queued_debates
    found = room_on_coming(debate)
    if found.waiting >= limit:
        retry_after = _retry_after(found.waiting - limit + 1)
        raise QueueFull(waiting=found.waiting, retry_after=retry_after)
    if found.beside >= share_of(limit):
        raise QueueFull(waiting=found.beside, retry_after=_retry_after(1), of_one=True)
    return _joined(debate, found.position)


def enter_queue_together(debates: Sequence[Debate]) -> list[NewEvent]:
    """The same for debates that come together: there has to be room for all of them."""
    if not debates:
        return []
    limit, count = settings.ARAGORA.max_queued_debates, len(debates)
    found = room_for_all(debates)
    if (over := found.waiting + count - limit) > 0:
        raise QueueFull(waiting=found.waiting, coming=count, retry_after=_retry_after(over))
    if (over := found.beside + found.coming - share_of(limit)) > 0:
        raise QueueFull(
            waiting=found.beside, coming=count, retry_after=_retry_after(over), of_one=True
        )
    bring_jobs(count)
    transaction.on_commit(_wake, robust=True)
    return list(map(_queued, debates, found.positions))


def join_queue(debate: Debate) -> NewEvent:
    """What has to be done in the transaction that makes a debate wait: the event to be written.
    The processes that run debates are told when it is committed."""
    return _joined(debate, place_on_joining(debate))


def _joined(debate: Debate, position: int) -> NewEvent:
    bring_jobs()
    transaction.on_commit(_wake, robust=True)
    return _queued(debate, position)


def _queued(debate: Debate, position: int) -> NewEvent:
    queued = DebateQueued(debate_id=str(debate.pk), task=debate.question, queue_position=position)
    return NewEvent(EventType.DEBATE_QUEUED, queued)


def _retry_after(places: int) -> int:
    """Whole seconds in which about so many debates begin."""
    pace = queue_pace()
    seconds = (pace.seconds or 1.0) * places / pace.seats
    return min(LONGEST_RETRY_SECONDS, max(1, round(seconds)))


def _wake() -> None:
    from debates.running.wake import wake

    wake()
