"""The body that asks for a batch, and what it means: every debate of it is read by itself, so that
all that is wrong with all of them can be told at once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field, SkipValidation, ValidationError

from debates.api.errors import invalid_input
from debates.api.requests import (
    CreateDebateIn,
    ignored,
    ignored_fields,
    in_the_clients_words,
    names_of,
    new_debate,
)
from debates.exceptions import InvalidInput
from debates.services.batches import MAX_DEBATES, FaultyBatch, NewItem, Priority

MAX_NAMED = 20
"""Fields in the sentence of an error; its list has all of them."""
PRIORITIES = ", ".join(f"`{priority}`" for priority in Priority)


class BatchItemIn(CreateDebateIn):
    """A debate of a batch, as it would be started alone."""

    priority: str | None = Field(
        default=None, description=f"{PRIORITIES}: before or behind the others of this batch."
    )


class BatchIn(BaseModel):
    """Debates to start together, under either of two names."""

    requests: list[SkipValidation[BatchItemIn]] | None = Field(
        default=None, description=f"1 to {MAX_DEBATES} debates."
    )
    items: list[SkipValidation[BatchItemIn]] | None = Field(
        default=None, description="The same as `requests`."
    )
    priority: str | None = Field(
        default=None, description="That of the debates that name none themselves."
    )
    metadata: dict[str, Any] | None = Field(
        default=None, description="That of the debates that have none themselves."
    )
    webhook_url: Any = Field(
        default=None, description="Has to be null: this server calls no address."
    )


BATCH_WORDS = names_of(BatchIn)


def items_of(body: BatchIn) -> tuple[str, list[Any]]:
    """The debates as they were given, and under which name."""
    if body.requests is not None and body.items is not None and body.requests != body.items:
        message = "requests and items differ. Send one of them."
        raise InvalidInput(message, fields=(("requests", message),))
    if body.requests is None and body.items is not None:
        return "items", body.items
    return "requests", body.requests or []


def new_item(given: Any, metadata: dict[str, Any] | None) -> NewItem | InvalidInput:
    """What an item asks for, or what is wrong with its form."""
    if not isinstance(given, Mapping):
        return InvalidInput("Give each debate as an object.")
    try:
        body = BatchItemIn.model_validate(given)
        if body.metadata is None:
            body.metadata = metadata
        return NewItem(new_debate(body), body.priority)
    except ValidationError as error:
        return invalid_input(error.errors())
    except InvalidInput as error:
        return error


def with_places(error: FaultyBatch, name: str, given: Sequence[Any]) -> InvalidInput:
    """The error with its fields named as they are in the body that was given."""
    fields = [(name if field == "items" else field, message) for field, message in error.fields]
    for index, fault in error.of_items.items():
        known = given[index] if isinstance(given[index], Mapping) else {}
        worded = in_the_clients_words(fault, known)
        place = f"{name}.{index}"
        fields += [
            (f"{place}.{field}" if field else place, message)
            for field, message in worded.fields or (("", str(worded)),)
        ]
    if len(fields) == 1:
        return InvalidInput(f"{fields[0][0]}: {fields[0][1]}", fields=tuple(fields))
    names = list(dict.fromkeys(field for field, _ in fields))
    told = ", ".join(names[:MAX_NAMED])
    if len(names) > MAX_NAMED:
        told += f" and {len(names) - MAX_NAMED} more"
    return InvalidInput(f"Correct these fields and try again: {told}.", fields=tuple(fields))


def ignored_in(body: Mapping[str, Any], name: str, given: Sequence[Any]) -> Iterator[str]:
    """A sentence for each field of the body that means nothing here."""
    yield from ignored(body, BATCH_WORDS, kind="field")
    for index, item in enumerate(given):
        for sentence in ignored_fields(item, BatchItemIn):
            yield f"{name}.{index}: {sentence}"
