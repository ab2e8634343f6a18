"""Who is served next. Pure: no Django.

Tiers come first, the highest before the others. Within a tier the tenants take turns: the k-th
debate of a tenant, counting those that run, comes behind the first of every other one. Where that
leaves a choice, whoever has waited longer is served first.

A debate that waits is overtaken within its tier only by those of tenants with fewer under way, so
a tenant that has nothing running waits for nobody who came later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from ratelimit.tiers import Tier

SERVED_FIRST = (Tier.INTERNAL, Tier.PREMIUM, Tier.AUTHENTICATED, Tier.ANONYMOUS)


class Entry(NamedTuple):
    """A debate that waits, or runs. There may be a thousand, each time somebody asks."""

    debate_id: UUID
    tenant: UUID | None
    """None: the tenant that everybody without a workspace shares."""
    tier: Tier
    runs: bool
    since: datetime
    """When it joined the queue."""


class Place(NamedTuple):
    """Where a debate that waits stands. Places compare as they are served."""

    rank: int
    """Of its tier, in `SERVED_FIRST`."""
    turn: int
    """The how manieth of its tenant it is, from 1, behind those that run."""
    since: datetime
    debate_id: UUID
    entry: Entry


def in_order(entries: Iterable[Entry]) -> list[Place]:
    """Those that wait, the next one first."""
    running: defaultdict[UUID | None, int] = defaultdict(int)
    waiting: defaultdict[UUID | None, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.runs:
            running[entry.tenant] += 1
        else:
            waiting[entry.tenant].append(entry)
    return sorted(
        Place(_RANKS[entry.tier], turn, entry.since, entry.debate_id, entry)
        for tenant, of_tenant in waiting.items()
        for turn, entry in enumerate(sorted(of_tenant, key=_AGE), start=running[tenant] + 1)
    )


_AGE = attrgetter("since", "debate_id")
_RANKS = {tier: rank for rank, tier in enumerate(SERVED_FIRST)}
