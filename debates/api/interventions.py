"""What people who steer a debate say to its panel, and what became of it."""

from collections.abc import Collection

from django.utils import timezone
from ninja import Router
from pydantic import BaseModel, Field

from debates.api.auth import ApiRequest
from debates.api.endpoints import READ_ONE_ERRORS, WRITE_ONE_ERRORS, endpoint
from debates.api.finding import debate_of
from debates.api.idempotent import WITH_KEY, idempotent
from debates.api.requests import InjectIn, InterventionIn, UserInputIn
from debates.engine.types import HeardAs
from debates.exceptions import InvalidInput
from debates.models import Debate, Suggestion
from debates.selectors.audience import interventions_of
from debates.services.audience import Suggested, suggest
from debates.services.interventions import KINDS, NEXT_ROUND, Queued, intervene
from debates.streaming.envelope import timestamp
from debates.visitors import Person, person_asking

router = Router(tags=["interventions"])

QUEUED, SHOWN, MISSED = "queued", "shown", "missed"


class QueuedOut(BaseModel):
    """Something that waits for the panel."""

    success: bool = True
    debate_id: str
    intervention_id: str
    number: int = Field(description="Counts the debate's suggestions and interventions.")
    type: str
    content: str = Field(description="As the panel is shown it.")
    apply_at_round: int = Field(description="The first round whose exchange may be shown it.")
    status: str = QUEUED


class UserInputOut(BaseModel):
    success: bool = True
    debate_id: str
    number: int
    type: str
    content: str = Field(description="As the panel is shown it.")


class InterventionOut(BaseModel):
    intervention_id: str
    number: int
    type: str = Field(description="`message` for a person's turn.")
    content: str
    apply_at_round: int
    shown_in_round: int | None = Field(description="The round whose exchange was shown it.")
    status: str = Field(
        description="`queued`, `shown`, or `missed`: the debate ended before an exchange had room."
    )
    user_id: str = Field(description="Stands for whoever said it, in this debate alone.")
    timestamp: str


class InterventionsOut(BaseModel):
    debate_id: str
    interventions: list[InterventionOut]
    items: list[InterventionOut] = Field(description="The same as `interventions`.")
    total: int


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/intervene",
    answer=QueuedOut,
    errors=WRITE_ONE_ERRORS,
    extra=WITH_KEY,
)
@idempotent
def intervene_in_debate(request: ApiRequest, ref: str, body: InterventionIn) -> QueuedOut:
    """Give the panel something for a round, as somebody who steers the debate.

    The exchange of that round is shown it, quoted as a person's words; it replaces neither the
    protocol nor the decision. If there is no room for it, a later exchange is shown it."""
    return _queued(request, ref, body)


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/intervention/inject",
    answer=QueuedOut,
    errors=WRITE_ONE_ERRORS,
    extra=WITH_KEY,
)
@idempotent
def inject_intervention(request: ApiRequest, ref: str, body: InjectIn) -> QueuedOut:
    """The same as `/intervene`; without a type it is a message."""
    return _queued(request, ref, body)


@endpoint(
    router,
    "GET",
    "/v1/debates/{ref}/interventions",
    answer=InterventionsOut,
    errors=READ_ONE_ERRORS,
    aliases=("/v1/debates/{ref}/intervention/log",),
)
def get_interventions(request: ApiRequest, ref: str) -> InterventionsOut:
    """What those said who steer the debate, and what became of it."""
    debate = debate_of(request, ref)
    told = [_told(debate, row) for row in interventions_of(debate)]
    return InterventionsOut(
        debate_id=str(debate.pk), interventions=told, items=told, total=len(told)
    )


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/user-input",
    answer=UserInputOut,
    errors=WRITE_ONE_ERRORS,
    extra=WITH_KEY,
)
@idempotent
def add_user_input(request: ApiRequest, ref: str, body: UserInputIn) -> UserInputOut:
    """Say something to the panel: a `suggestion`, like `/suggest`, or an intervention by its type,
    like `/intervene`."""
    debate = debate_of(request, ref)
    kind = _kind(body.type, (HeardAs.SUGGESTION, *KINDS))
    said: Suggested | Queued
    try:
        if kind is HeardAs.SUGGESTION:
            person = person_asking(request, request.auth.user)
            said = suggest(debate_id=debate.pk, person=person, text=body.input, now=timezone.now())
        else:
            said = _intervene(request, debate, kind, body.input, NEXT_ROUND)
    except InvalidInput as error:  # All there is to be wrong with is the text.
        raise _wrong("input", str(error)) from error
    return UserInputOut(
        debate_id=str(debate.pk), number=said.number, type=kind.value, content=said.text
    )


def _queued(request: ApiRequest, ref: str, body: InterventionIn | InjectIn) -> QueuedOut:
    debate, kind = debate_of(request, ref), _kind(body.type, KINDS)
    kept = _intervene(request, debate, kind, body.content, body.apply_at_round or NEXT_ROUND)
    return QueuedOut(
        debate_id=str(debate.pk),
        intervention_id=_id(debate, kept.number),
        number=kept.number,
        type=kind.value,
        content=kept.text,
        apply_at_round=kept.apply_at_round,
    )


def _intervene(
    request: ApiRequest, debate: Debate, kind: HeardAs, text: str, apply_at_round: int
) -> Queued:
    return intervene(
        debate_id=debate.pk,
        person=person_asking(request, request.auth.user),
        kind=kind,
        text=text,
        apply_at_round=apply_at_round,
        now=timezone.now(),
    )


def _kind(word: str, kinds: Collection[HeardAs]) -> HeardAs:
    found = word.strip().lower()
    if found not in kinds:
        raise _wrong("type", f"Use one of {', '.join(kinds)}.")
    return HeardAs(found)


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, fields=((field, message),))


def _told(debate: Debate, row: Suggestion) -> InterventionOut:
    waits = QUEUED if not debate.is_over else MISSED
    return InterventionOut(
        intervention_id=_id(debate, row.number),
        number=row.number,
        type=row.kind,
        content=row.text,
        apply_at_round=row.apply_at_round,
        shown_in_round=row.offered_in_round,
        status=waits if row.offered_in_round is None else SHOWN,
        user_id=Person(row.person).alias(debate.pk),
        timestamp=timestamp(row.created_at),
    )


def _id(debate: Debate, number: int) -> str:
    return f"{debate.pk}:{number}"
