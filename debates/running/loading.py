"""Taking debates up: what a worker has to know of them, and the claim. All synchronous.

Everything is read before anything is locked. A debate that begins is claimed and opened by the same
transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import QuerySet

from aragora_site.bulk import insert_rows
from aragora_site.kept import kept
from aragora_site.outages import may_succeed_later
from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.choices import DebateStatus
from debates.engine.planner import next_step
from debates.engine.types import Ask, Setup, Spent
from debates.engine.types import Turn as EngineTurn
from debates.models import Debate, Round, Turn
from debates.providers.base import AgentSpec
from debates.running import claims
from debates.running.checkpoint import Checkpoint, Opening
from debates.running.recalling import Recaller, Recollection, recalled_before
from debates.running.records import stored_turn
from debates.running.rounds import Rounds
from debates.services.events import EventRow, insert_events, publish_after_commit
from debates.services.panels import build_setup, judge_of, specs_of

MOST_LOOKS = 10
"""At the queue, to take what was asked for from it."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A claimed debate, with everything that it holds so far."""

    debate: Debate
    """The row, as it was when the debate was claimed."""
    setup: Setup
    specs: Mapping[str, AgentSpec]
    """The panel and the judge, by name."""
    turns: tuple[EngineTurn, ...]
    """In the order of finishing."""
    round_started_at: datetime | None
    """When the newest round began; None before the first."""
    others_spoke: bool
    """Whether somebody else than the program may have written to the log."""
    recalled_ids: tuple[int, ...] = ()
    """The entries of memory that it is shown, where it begins."""

    def rounds(self) -> Rounds:
        """Where it stands."""
        return Rounds(
            self.debate.pk,
            self.debate.fence,
            self.setup,
            self.debate.round,
            self.debate.phase,
            self.round_started_at,
        )


_Found = tuple[Debate, Loaded | None]


@across_tenants(Purpose.QUEUE)
def take_waiting(*, holder: str, limit: int, now: datetime) -> list[Loaded]:
    """Take up to `limit` debates from the queue: fewer only when no more may begin.

    A debate that the database does not give is left out. While others are taken, that counts as a
    crash of it; if there are none, what the database said is raised."""
    taken: list[Loaded] = []
    unread: dict[Debate, Exception] = {}
    for _ in range(MOST_LOOKS):
        left = limit - len(taken)
        line = claims.next_in_line(now, limit=left + len(unread))
        passed_over = {debate.pk for debate in unread}
        wanted = [debate_id for debate_id in line if debate_id not in passed_over][:left]
        found = {debate.pk: debate for debate in _debates.objects(tuple(wanted))}
        debates = [found[debate_id] for debate_id in wanted if debate_id in found]
        taken += _take(_read(debates, unread), holder, claims.WAITING, now)
        if not wanted or len(taken) == limit:
            break  # Otherwise others were faster; behind what they took there may be more.
    if not taken:
        _raise_first(unread)
    if unread:  # Others could be read meanwhile, so it is not the database.
        _take([(debate, None) for debate in unread], holder, claims.WAITING, now)
    return taken


@kept
def _debates(ids: tuple[UUID, ...]) -> QuerySet[Debate]:
    return Debate.objects.filter(pk__in=ids).order_by()


@across_tenants(Purpose.QUEUE)
def take_one(
    *, debate_id: UUID, holder: str, statuses: frozenset[DebateStatus], now: datetime
) -> Loaded | None:
    """Take up this debate, out of turn; None when its state does not allow it or somebody else
    has it."""
    free = claims.free(now).filter(pk=debate_id, status__in=sorted(statuses))
    unread: dict[Debate, Exception] = {}
    found = _read(list(free), unread)
    _raise_first(unread)
    return next(iter(_take(found, holder, statuses, now)), None)


def _raise_first(unread: Mapping[Debate, Exception]) -> None:
    for error in unread.values():
        raise error


def _take(
    found: Sequence[_Found], holder: str, statuses: frozenset[DebateStatus], now: datetime
) -> list[Loaded]:
    """Claim what was read; what is broken counts as a crash."""
    recollections = _recollections([loaded for _, loaded in found if loaded], now)
    found = [(debate, loaded and _reminded(loaded, recollections)) for debate, loaded in found]
    taken: list[Loaded] = []
    broken: list[Debate] = []
    events: list[EventRow] = []
    opened: list[Opening] = []
    with transaction.atomic():
        for debate, loaded in found:
            opening = _opening(loaded, recollections, now) if loaded else None
            rows = claims.claim(debate, holder=holder, statuses=statuses, opening=opening, now=now)
            if rows is None:
                continue  # Another process got there first.
            events += rows
            publish_after_commit(debate_id=debate.pk, rows=rows)
            if loaded is None:
                broken.append(debate)
            elif opening is None:
                taken.append(loaded)
            else:
                opened += opening.opened
                taken.append(replace(loaded, round_started_at=now))
        insert_events(events)
        insert_rows(Round, Opening._fields, opened)
    for debate in broken:
        claims.give_up(debate_id=debate.pk, fence=debate.fence, now=now)
    return taken


def _read(debates: Sequence[Debate], unread: dict[Debate, Exception]) -> list[_Found]:
    """What there is of each; None for one that is broken. Those that the database does not give,
    this time, go to `unread` instead."""
    found: list[_Found] = []
    for debate in debates:
        try:
            found.append((debate, load(debate)))
        except Exception as error:  # It must not hold up the queue.
            log.error("debate_not_loaded", debate_id=str(debate.pk), error=type(error).__name__)
            if may_succeed_later(error):
                unread[debate] = error
            else:
                found.append((debate, None))
    return found


def load(debate: Debate) -> Loaded:
    """Read a debate that is to be claimed. One query for one that begins, two with the corpus."""
    judge = judge_of(debate)
    specs = {spec.name: spec for spec in specs_of(debate)}
    if judge is not None:
        specs[judge.name] = judge
    turns: tuple[EngineTurn, ...] = ()
    started_at = None
    setup = build_setup(debate)
    if debate.phase:  # Otherwise nothing has been opened yet.
        rows = Turn.objects.filter(debate=debate).order_by("index")
        turns = tuple(stored_turn(row) for row in rows)
        newest = Round.objects.filter(debate=debate).order_by("-number").first()
        started_at = newest.started_at if newest else None
        setup = replace(setup, recalled=recalled_before(debate))
    return Loaded(
        debate=debate,
        setup=setup,
        specs=specs,
        turns=turns,
        round_started_at=started_at,
        others_spoke=_others_spoke(debate),
    )


def _others_spoke(debate: Debate) -> bool:
    """A debate that has not begun has one event by the program: that it was queued, if it was."""
    return debate.started_at is not None or debate.last_seq > (debate.queued_at is not None)


def _recollections(loaded: Sequence[Loaded], now: datetime) -> dict[UUID, Recollection]:
    """What those that begin are shown of memory."""
    recaller = Recaller(now)
    found = {
        one.debate.pk: recaller.recall(one.debate, one.setup, one.specs)
        for one in loaded
        # A fork is shown what its parent was shown, which its log says already.
        if one.debate.started_at is None and not one.turns
    }
    return {key: recollection for key, recollection in found.items() if recollection is not None}


def _reminded(loaded: Loaded, recollections: Mapping[UUID, Recollection]) -> Loaded:
    recollection = recollections.get(loaded.debate.pk)
    if recollection is None:
        return loaded
    return replace(
        loaded,
        setup=replace(loaded.setup, recalled=recollection.recalled),
        recalled_ids=recollection.entry_ids,
    )


def _opening(
    loaded: Loaded, recollections: Mapping[UUID, Recollection], now: datetime
) -> Checkpoint | None:
    """What is written when the first phase begins; None where the run has to see for itself."""
    if loaded.debate.started_at is not None or loaded.turns:
        return None
    step = next_step(loaded.setup, (), Spent())
    if not isinstance(step, Ask):
        return None
    opening = loaded.rounds().opening(step, (), now=now)
    recollection = recollections.get(loaded.debate.pk)
    if recollection is None:
        return opening
    return opening._replace(events=[recollection.event, *opening.events])
