"""How the agents rank."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.utils import timezone
from ninja import Query, Router
from pydantic import BaseModel, Field, create_model

from debates import selectors
from debates.api.auth import ApiRequest
from debates.api.endpoints import READ_ERRORS, endpoint
from debates.api.paging import Page, PageIn, PageOut
from debates.models.rating import OVERALL
from debates.selectors import SortBy
from debates.streaming.envelope import timestamp

router = Router(tags=["ranking"])


class Order(StrEnum):
    DESCENDING = "desc"
    ASCENDING = "asc"


class Period(StrEnum):
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    ALL = "all"


_DAYS = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 30, Period.QUARTER: 90}


class LeaderboardIn(PageIn):
    """Which ranking."""

    domain: str | None = Field(
        default=None, max_length=64, description="Debates of this domain only."
    )
    sort_by: SortBy = SortBy.ELO
    order: Order = Order.DESCENDING
    min_debates: int = Field(default=1, ge=0, le=10**9)
    period: Period = Field(
        default=Period.ALL, description="Only agents that have played in this time."
    )


class StandingOut(BaseModel):
    """A line of the leaderboard. Equal ratings share a rank."""

    rank: int
    name: str
    agent: str = Field(description="The same as `name`.")
    elo: float
    bt: float | None = Field(
        description="Bradley-Terry strength over all debates; null before there are ten."
    )
    bt_low: float | None = Field(description="Where its 95 % interval begins.")
    bt_high: float | None = Field(description="Where it ends.")
    place_best: int | None = Field(
        description="The best place by strength that it may hold: agents whose intervals overlap "
        "are tied."
    )
    place_worst: int | None = Field(description="The worst place that it may hold.")
    wins: int
    losses: int
    draws: int
    games: int
    win_rate: float
    brier: float | None = Field(
        description="How far its stated confidence was from what turned out, over public debates: "
        "0 is perfect, 0.25 a coin; null without a recorded outcome."
    )


class LeaderboardOut(PageOut):
    rankings: list[StandingOut]
    agents: list[StandingOut] = Field(description="The same as `rankings`.")
    items: list[StandingOut] = Field(description="The same as `rankings`.")
    domain: str | None
    domains: list[str] = Field(description="Those that have a ranking of their own.")


class MoverOut(BaseModel):
    name: str
    agent: str = Field(description="The same as `name`.")
    change: float = Field(description="Of its Elo over all domains.")
    games: int


_VIEW_FIELDS: dict[str, Any] = {
    "global": (list[StandingOut], Field(description="The same as `rankings`.")),
    "by_domain": (dict[str, list[StandingOut]], Field(description="The best of every domain.")),
    "recent_movers": (list[MoverOut], Field(description="Who moved most in a week.")),
    "updated_at": (str, ...),
}
# `global` is a word of Python's own, so it cannot be written as a field.
LeaderboardViewOut: type[LeaderboardOut] = create_model(
    "LeaderboardViewOut", __base__=LeaderboardOut, **_VIEW_FIELDS
)


@endpoint(
    router,
    "GET",
    "/v1/leaderboard",
    answer=LeaderboardOut,
    errors=READ_ERRORS,
    aliases=["/leaderboard", "/v1/rankings", "/rankings", "/agents/leaderboard"],
)
def get_leaderboard(request: ApiRequest, asked: Query[LeaderboardIn]) -> LeaderboardOut:
    """The rated agents, best first.

    Extractive agents stand outside the ranking."""
    return LeaderboardOut.model_validate(_board(asked))


@endpoint(
    router,
    "GET",
    "/v1/leaderboard-view",
    answer=LeaderboardViewOut,
    errors=READ_ERRORS,
    aliases=["/leaderboard-view"],
)
def get_leaderboard_view(request: ApiRequest, asked: Query[LeaderboardIn]) -> LeaderboardOut:
    """The leaderboard with the best of every domain, and who moved most in the last week."""
    board, now = _board(asked), timezone.now()
    by_domain = {domain: _rows(asked, domain=domain).rows for domain in selectors.rated_domains()}
    return LeaderboardViewOut.model_validate(
        {
            **board,
            "global": board["rankings"],
            "by_domain": {name: _told(rows) for name, rows in by_domain.items()},
            "recent_movers": selectors.recent_movers(since=now - timedelta(days=7)),
            "updated_at": timestamp(now),
        }
    )


def _board(asked: LeaderboardIn) -> dict[str, Any]:
    board = _rows(asked, domain=asked.domain or OVERALL)
    rows = _told(board.rows)
    more = asked.offset + len(rows) < board.total
    part = Page(rows, board.total, asked.limit, asked.offset, more)
    return {
        "rankings": rows,
        "agents": rows,
        "items": rows,
        "domain": asked.domain,
        "domains": selectors.rated_domains(),
        **part.fields(),
    }


def _rows(asked: LeaderboardIn, *, domain: str) -> selectors.Leaderboard:
    days = _DAYS.get(asked.period)
    return selectors.leaderboard(
        domain=domain,
        limit=asked.limit,
        offset=asked.offset,
        min_games=asked.min_debates,
        played_since=timezone.now() - timedelta(days=days) if days else None,
        sort_by=asked.sort_by,
        ascending=asked.order == Order.ASCENDING,
    )


def _told(rows: Iterable[selectors.Standing]) -> list[dict[str, Any]]:
    return [{**row, "agent": row["name"]} for row in rows]
