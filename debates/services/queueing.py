"""Joining the queue, whoever sends a debate there."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from debates.choices import EventType
from debates.exceptions import QueueFull
from debates.models import Debate
from debates.running.jobs import bring_jobs
from debates.selectors.queue import count_waiting, position_on_joining, queue_pace
from debates.services.events import NewEvent
from debates.streaming.events import DebateQueued

LONGEST_RETRY_SECONDS = 300


def check_room() -> None:
    """Raise `QueueFull` when as many debates wait as may.

    On PostgreSQL a few more get in when several come at the same moment: a lock would make every
    creation wait for the others."""
    waiting, limit = count_waiting(), settings.ARAGORA.max_queued_debates
    if waiting >= limit:
        pace = queue_pace()
        seconds = (pace.seconds or 1.0) * (waiting - limit + 1) / pace.seats
        retry_after = min(LONGEST_RETRY_SECONDS, max(1, round(seconds)))
        raise QueueFull(waiting=waiting, retry_after=retry_after)


def join_queue(debate: Debate) -> NewEvent:
    """What has to be done in the transaction that makes a debate wait: the event to be written.
    The processes that run debates are told when it is committed."""
    bring_jobs()
    transaction.on_commit(_wake, robust=True)
    queued = DebateQueued(
        debate_id=str(debate.pk),
        task=debate.question,
        queue_position=position_on_joining(debate),
    )
    return NewEvent(EventType.DEBATE_QUEUED, queued)


def _wake() -> None:
    from debates.running.wake import wake

    wake()
