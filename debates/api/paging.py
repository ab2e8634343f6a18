"""Lists: how a part of one is asked for, and what every list says of itself."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from debates.exceptions import InvalidInput

DEFAULT_LIMIT, MAX_LIMIT = 20, 200
MAX_OFFSET = 1_000_000


class PageIn(BaseModel):
    """Which part of a list is wanted."""

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET)


class WholePageIn(PageIn):
    """Which part is wanted of a list that clients take for whole when they send no limit."""

    limit: int = Field(default=MAX_LIMIT, ge=1, le=MAX_LIMIT)


class CursorPageIn(PageIn):
    """Which part of a list that grows at its head is wanted."""

    after: str | None = Field(
        default=None,
        description="`next_after` of the page before: stays right while the list grows, and is "
        "fast at any depth. `offset` counts from there.",
    )


class PageOut(BaseModel):
    """What every list says of itself; the list itself is there under its own name and `items`."""

    total: int = Field(description="How many there are under these filters.")
    count: int = Field(description="How many are here.")
    limit: int
    offset: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list."""

    rows: list[Any]
    total: int
    limit: int
    offset: int
    has_more: bool

    def fields(self) -> dict[str, Any]:
        """What `PageOut` holds."""
        return {
            "total": self.total,
            "count": len(self.rows),
            "limit": self.limit,
            "offset": self.offset,
            "has_more": self.has_more,
        }


def page_of(items: Sequence[Any], asked: PageIn) -> Page:
    """A part of a short list that is at hand."""
    rows = list(items[asked.offset : asked.offset + asked.limit])
    more = asked.offset + asked.limit < len(items)
    return Page(rows, len(items), asked.limit, asked.offset, more)


def cursor_of(created_at: datetime, key: UUID) -> str:
    """What `after` has to be for the rows after this one."""
    text = f"{created_at.isoformat()} {key}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """The reverse of `cursor_of`. Raises `InvalidInput`."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        created_at, _, key = text.partition(" ")
        moment = datetime.fromisoformat(created_at)
        if moment.tzinfo is None:
            raise ValueError("naive")
        return moment, UUID(key)
    except (ValueError, binascii.Error) as error:
        message = "Use the next_after of an earlier page."
        raise InvalidInput(f"after: {message}", fields=(("after", message),)) from error
