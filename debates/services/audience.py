"""What people who watch do: vote for a standing answer, and suggest something to the panel.

Whoever may read a debate may do both until it is over. Votes are shown beside the panel's and
suggestions to the agents, as quotations; neither decides anything. In the log people go by an
alias (`Person.alias`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from aragora_site.tenancy.scopes import act_for
from debates.choices import EventType
from debates.engine.positions import candidate_id
from debates.engine.types import HeardAs
from debates.exceptions import InvalidInput, NotAllowed, NotFound, StateForbids, TooFast
from debates.models import AudienceVote, Debate, Suggestion
from debates.models.audience import LEAST_INTENSITY, MAX_SUGGESTION_LENGTH, MOST_INTENSITY
from debates.selectors.audience import StandingAnswer, audience_tally, standing_answers
from debates.selectors.finding import debates_visible_to
from debates.services.events import NewEvent, append_events, publish_after_commit
from debates.services.faults import UNSTORABLE, is_storable
from debates.streaming.events import AudienceSuggestion, AudienceTally, UserVote
from debates.visitors import Person
from ratelimit.backends.base import Ask
from ratelimit.backends.local import LocalBuckets
from ratelimit.gcra import SECOND, Pace
from ratelimit.headers import retry_after

PACE: Final = Pace(count=10, seconds=60, burst=5)
"""Votes and suggestions of one person together. Kept by each process for itself."""
DEFAULT_INTENSITY = 5
MAX_CHOICE_LENGTH = 2000
"""A longer answer is named by its id."""
MAX_VOTERS_PER_ADDRESS = 20
"""Who are not signed in."""
MAX_SUGGESTIONS = 30
MAX_SUGGESTIONS_PER_PERSON = 5
MAX_SUGGESTIONS_PER_ADDRESS = 10
"""Of people who are not signed in."""

_SHOWN_LENGTH = 200
paces = LocalBuckets()


@dataclass(frozen=True, slots=True)
class CastVote:
    """A vote as it counts now."""

    candidate: str
    answer: str
    intensity: int
    tally: AudienceTally


@dataclass(frozen=True, slots=True)
class Suggested:
    """A suggestion as it is kept."""

    number: int
    text: str
    is_new: bool
    """Otherwise somebody had said it before."""


def cast_vote(
    *, debate_id: UUID, person: Person, choice: str, intensity: int, now: datetime
) -> CastVote:
    """Vote for an answer that stands now, in place of the person's earlier vote.

    `choice` is an answer, in whatever way it is put, or its candidate id; `intensity` is from 1
    to 10. Raises `TooFast`, `NotFound`, `StateForbids` (over, or nothing to vote on yet),
    `InvalidInput`, and `NotAllowed` when the address has voters enough."""
    _keep_pace(person, now)
    if not LEAST_INTENSITY <= intensity <= MOST_INTENSITY:
        raise _wrong("intensity", f"Use a number from {LEAST_INTENSITY} to {MOST_INTENSITY}.")
    debate = _open_debate(debate_id, person)
    chosen = _chosen(choice, standing_answers(debate))
    # They may speak in it: from here on it is the debate that is written.
    with act_for(debate.workspace_id), transaction.atomic():
        debate = _open_debate(debate_id, person, lock=True)
        changed = _store_vote(debate, person, chosen, intensity, now)
        tally = audience_tally(debate.pk)
        if changed:
            vote = UserVote(
                debate_id=str(debate.pk),
                user_id=person.alias(debate.pk),
                candidate=chosen.candidate,
                choice=_shown(chosen.answer),
                intensity=intensity,
                round_number=debate.round,
                tally=tally,
            )
            _tell(debate, NewEvent(EventType.USER_VOTE, vote, round=debate.round), now)
    return CastVote(chosen.candidate, chosen.answer, intensity, tally)


def suggest(*, debate_id: UUID, person: Person, text: str, now: datetime) -> Suggested:
    """Suggest something to the panel; the next exchange with room for it is shown it.

    What was said already, by whomever, is kept once. Raises `TooFast`, `NotFound`, `InvalidInput`,
    `StateForbids` (over, or full), and `NotAllowed` when the person or address has said enough."""
    _keep_pace(person, now)
    said = _cleaned(text)
    debate = _open_debate(debate_id, person)
    with act_for(debate.workspace_id), transaction.atomic():
        debate = _open_debate(debate_id, person, lock=True)
        suggestions = Suggestion.objects.filter(debate=debate, kind=HeardAs.SUGGESTION.value)
        known = suggestions.filter(fingerprint=fingerprint(said)).first()
        if known is not None:
            return Suggested(known.number, known.text, is_new=False)
        _check_room(suggestions, person)
        number = next_number(debate)
        Suggestion.objects.create(
            debate=debate,
            number=number,
            person=person.key,
            source=person.source,
            text=said,
            fingerprint=fingerprint(said),
            created_at=now,
        )
        suggestion = AudienceSuggestion(
            debate_id=str(debate.pk),
            user_id=person.alias(debate.pk),
            number=number,
            content=said,
            round_number=debate.round,
        )
        _tell(debate, NewEvent(EventType.AUDIENCE_SUGGESTION, suggestion, round=debate.round), now)
    return Suggested(number, said, is_new=True)


def fingerprint(text: str) -> str:
    """The same for texts that differ in nothing but case, spaces, typography and punctuation at
    the edges of words."""
    words = unicodedata.normalize("NFKC", text).casefold().split()
    bare = [word.strip(_EDGES) for word in words]
    said = " ".join(filter(None, bare)) or " ".join(words)
    return blake2b(said.encode(), digest_size=16).hexdigest()


# --- What is asked for -------------------------------------------------------------------------

_EDGES = ".,;:!?…\"'“”„‘’«»()[]-–—*_"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _chosen(choice: str, standing: Collection[StandingAnswer]) -> StandingAnswer:
    if not standing:
        raise StateForbids("There is nothing to vote on yet: nobody has answered.")
    wanted = choice.strip()
    if len(wanted) > MAX_CHOICE_LENGTH:
        raise _wrong("choice", "Name an answer that is as long as this by its candidate id.")
    if wanted and is_storable(wanted):
        ids = {wanted, candidate_id(wanted)}
        for answer in standing:
            if answer.candidate in ids:
                return answer
    offered = "; ".join(f"“{_shown(one.answer, 60)}” ({one.candidate})" for one in standing)
    raise _wrong("choice", f"No agent stands behind that. Choose one of these: {offered}.")


def _cleaned(text: str) -> str:
    """One line without control characters."""
    if not is_storable(text):
        raise _wrong("suggestion", UNSTORABLE)
    said = _CONTROLS.sub("", " ".join(text.split()))
    if not said:
        raise _wrong("suggestion", "Say what the panel should consider.")
    if len(said) > MAX_SUGGESTION_LENGTH:
        raise _wrong(
            "suggestion",
            f"Use at most {MAX_SUGGESTION_LENGTH} characters; these are {len(said):,}.",
        )
    return said


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, fields=((field, message),))


def _shown(answer: str, length: int = _SHOWN_LENGTH) -> str:
    return answer if len(answer) <= length else f"{answer[: length - 1]}…"


# --- Who may -----------------------------------------------------------------------------------


def _keep_pace(person: Person, now: datetime) -> None:
    asks = [Ask(person.key, PACE)]
    taken = paces.take(asks, now=int(now.timestamp() * SECOND))
    if not taken.allowed:
        seconds = retry_after(asks, taken)
        raise TooFast(
            f"At most {PACE.count} votes and suggestions a minute, {PACE.burst} at once: wait "
            f"{seconds} second{'s' if seconds > 1 else ''}.",
            retry_after=seconds,
        )


def _open_debate(debate_id: UUID, person: Person, *, lock: bool = False) -> Debate:
    debates = debates_visible_to(person.viewer).filter(pk=debate_id)
    debate = (debates.select_for_update() if lock else debates).first()
    if debate is None:
        raise NotFound("There is no such debate, or it is not yours to see.")
    if debate.is_over:
        raise StateForbids(f"The debate is {debate.status}; the audience is heard until then.")
    return debate


def _store_vote(
    debate: Debate, person: Person, chosen: StandingAnswer, intensity: int, now: datetime
) -> bool:
    """Whether anything changed. Under the debate's lock, so nobody votes for the person
    meanwhile."""
    vote = AudienceVote.objects.filter(debate=debate, person=person.key).first()
    if vote is None:
        voters = AudienceVote.objects.filter(debate=debate, source=person.source)
        if person.source and voters.count() >= MAX_VOTERS_PER_ADDRESS:
            raise NotAllowed("There are enough votes from your address. Sign in to vote.")
        vote = AudienceVote(debate=debate, person=person.key, source=person.source, created_at=now)
    elif (vote.candidate, vote.intensity) == (chosen.candidate, intensity):
        return False
    vote.candidate, vote.answer, vote.intensity = chosen.candidate, chosen.answer, intensity
    vote.updated_at = now
    vote.save()
    return True


def next_number(debate: Debate) -> int:
    """The number of a new suggestion or intervention. Under the debate's lock."""
    return Suggestion.objects.filter(debate=debate).count() + 1


def _check_room(suggestions: QuerySet[Suggestion], person: Person) -> None:
    """Whether the debate and whoever makes a suggestion have room for one."""
    if suggestions.count() >= MAX_SUGGESTIONS:
        raise StateForbids("This debate has as many suggestions as it can hear.")
    if suggestions.filter(person=person.key).count() >= MAX_SUGGESTIONS_PER_PERSON:
        raise NotAllowed("You have made as many suggestions as one person may in a debate.")
    near = suggestions.filter(source=person.source)
    if person.source and near.count() >= MAX_SUGGESTIONS_PER_ADDRESS:
        raise NotAllowed("There are enough suggestions from your address. Sign in to add one.")


def _tell(debate: Debate, event: NewEvent, now: datetime) -> None:
    rows = append_events(debate_id=debate.pk, events=[event], now=now)
    publish_after_commit(debate_id=debate.pk, rows=rows)
