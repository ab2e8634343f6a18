"""Lists: how a part of one is asked for, and what every list says of itself."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from ninja import Schema
from pydantic import BaseModel, Field

from debates.exceptions import InvalidInput

DEFAULT_LIMIT, MAX_LIMIT = 20, 200
MAX_OFFSET = 1_000_000

Row = TypeVar("Row", bound=Model)


class PageIn(Schema):
    """Which part of a list is wanted."""

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET)


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


def newest_first(queryset: QuerySet[Row], asked: CursorPageIn) -> tuple[Page, str | None]:
    """A part of a list of debates from the newest on, and the cursor of the next one."""
    ordered = queryset.order_by("-created_at", "-id")
    if asked.after is not None:
        created_at, key = _read_cursor(asked.after)
        ordered = ordered.filter(
            Q(created_at__lt=created_at) | Q(created_at=created_at, id__lt=key)
        )
    rows = list(ordered[asked.offset : asked.offset + asked.limit + 1])
    has_more = len(rows) > asked.limit
    rows = rows[: asked.limit]
    is_whole = asked.after is None and asked.offset == 0 and not has_more
    total = len(rows) if is_whole else queryset.count()
    page = Page(list(rows), total, asked.limit, asked.offset, has_more)
    return page, _cursor(rows[-1]) if has_more else None


def _cursor(row: Any) -> str:
    text = f"{row.created_at.isoformat()} {row.pk}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
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
