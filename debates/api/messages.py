"""What was said in a debate, and a person's turn in it."""

from django.utils import timezone
from ninja import Query, Router
from pydantic import BaseModel, Field

from debates import selectors
from debates.api.auth import ApiRequest
from debates.api.endpoints import READ_ONE_ERRORS, WRITE_ONE_ERRORS, endpoint
from debates.api.finding import debate_of
from debates.api.idempotent import WITH_KEY, idempotent
from debates.api.paging import Page, WholePageIn
from debates.api.requests import MessageIn
from debates.api.responses import MessagesOut
from debates.engine.types import HeardAs
from debates.exceptions import InvalidInput
from debates.selectors.snapshot import HUMAN
from debates.services.interventions import intervene
from debates.visitors import person_asking

router = Router(tags=["parts of a debate"])

USER = "user"


class AddedMessageOut(BaseModel):
    """A person's turn, as it is told."""

    success: bool = True
    debate_id: str
    number: int = Field(description="Counts the debate's suggestions and interventions.")
    role: str
    content: str
    round: int = Field(description="Under way when it was said.")
    apply_at_round: int = Field(description="The first round whose exchange may be shown it.")


@endpoint(
    router,
    "GET",
    "/v1/debates/{ref}/messages",
    answer=MessagesOut,
    errors=READ_ONE_ERRORS,
)
def get_messages(request: ApiRequest, ref: str, page: Query[WholePageIn]) -> MessagesOut:
    """What was said so far.

    Fills while the debate runs. Without `limit`, as many as a page holds; `has_more` tells of the
    rest. Turns that failed are no messages; see `/rounds`."""
    debate = debate_of(request, ref)
    total = selectors.count_messages(debate)
    rows = selectors.messages(debate=debate, limit=page.limit, offset=page.offset)
    part = Page(rows, total, page.limit, page.offset, page.offset + len(rows) < total)
    return MessagesOut.model_validate(
        {"debate_id": str(debate.pk), "messages": rows, "items": rows, **part.fields()}
    )


@endpoint(
    router,
    "POST",
    "/v1/debates/{ref}/messages",
    answer=AddedMessageOut,
    errors=WRITE_ONE_ERRORS,
    extra=WITH_KEY,
)
@idempotent
def add_message(request: ApiRequest, ref: str, body: MessageIn) -> AddedMessageOut:
    """Take a turn as a person who steers the debate.

    It is told at once, and the next exchange is shown it."""
    if body.role.strip().lower() not in {USER, HUMAN}:
        message = f"Use `{USER}`: agents speak for themselves."
        raise InvalidInput(message, fields=(("role", message),))
    debate = debate_of(request, ref)
    kept = intervene(
        debate_id=debate.pk,
        person=person_asking(request, request.auth.user),
        kind=HeardAs.MESSAGE,
        text=body.content,
        now=timezone.now(),
    )
    return AddedMessageOut(
        debate_id=str(debate.pk),
        number=kept.number,
        role=USER,
        content=kept.text,
        round=kept.said_in_round,
        apply_at_round=kept.apply_at_round,
    )
