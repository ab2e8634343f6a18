"""Who is served next. Pure: no Django.

Tiers come first, the highest before the others. Within a tier the tenants take turns, and so do
the people: the k-th debate of a tenant or of a person, counting those that run, comes behind the
first of every other one. So it gains nothing to have many workspaces, nor to be many in one. Where
that leaves a choice, whoever has waited longer is served first.

A debate that waits is overtaken within its tier only by those with fewer of their tenant and their
person before them, so whoever has nothing running waits for nobody who came later.
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


Key = UUID | str
"""What names a row: its key, or the text of it, which costs less to read."""


class Entry(NamedTuple):
    """A debate that waits, or runs. There may be a thousand, each time somebody asks."""

    debate_id: Key
    tenant: Key | None
    """None: the tenant that everybody without a workspace shares."""
    tier: Tier
    runs: bool
    since: datetime | int
    """When it joined the queue, or the how manieth of all of them it is by age."""
    person: int | None = None
    """Who started it; None: nobody who is known."""


class Place(NamedTuple):
    """Where a debate that waits stands. Places compare as they are served."""

    rank: int
    """Of its tier, in `SERVED_FIRST`."""
    turn: int
    """The how manieth of its tenant, or of its person within the tier, it is, from 1, behind those
    that run: the greater of the two."""
    since: datetime | int
    debate_id: Key
    of_tenant: int
    """The how manieth of its tenant it is."""
    entry: Entry


def in_order(entries: Iterable[Entry]) -> list[Place]:
    """Those that wait, the next one first."""
    of_tenants: defaultdict[Key | None, int] = defaultdict(int)
    of_people: defaultdict[tuple[Tier, int], int] = defaultdict(int)
    waiting = []
    for entry in entries:
        if not entry.runs:
            waiting.append(entry)
            continue
        of_tenants[entry.tenant] += 1
        if entry.person is not None:
            of_people[entry.tier, entry.person] += 1
    waiting.sort(key=_AGE)
    line = []
    for entry in waiting:
        debate_id, tenant, tier, _, since, person = entry
        of_tenants[tenant] = turn = of_tenant = of_tenants[tenant] + 1
        if person is not None:
            of_people[tier, person] = of_person = of_people[tier, person] + 1
            turn = max(of_tenant, of_person)
        line.append(Place(_RANKS[tier], turn, since, debate_id, of_tenant, entry))
    line.sort()
    return line


# --- Whoever comes ------------------------------------------------------------------------------


class Group(NamedTuple):
    """How many debates of one person in one tenant run and wait."""

    tenant: Key | None
    person: int | None
    tier: Tier
    running: int
    waiting: int


def place_on_coming(groups: Iterable[Group], newcomer: Entry) -> int | None:
    """The place, from 1, of one that comes later than all of these; None where the counts do not
    tell: where a tenant of its tier has debates of several people, or a person debates in several
    tenants of it."""
    rank, ahead, own = _RANKS[newcomer.tier], 0, 0
    peers = []
    for group in groups:
        if _RANKS[group.tier] < rank:
            ahead += group.waiting
        elif group.tier == newcomer.tier:
            peers.append(group)
            if group.tenant == newcomer.tenant:
                own += group.running + group.waiting
    people = {(group.tenant, group.person) for group in peers}
    people.add((newcomer.tenant, newcomer.person))
    known = [person for _, person in people if person is not None]
    if len({tenant for tenant, _ in people}) < len(people) or len(set(known)) < len(known):
        return None
    turn = own + 1
    return 1 + ahead + sum(min(group.waiting, max(0, turn - group.running)) for group in peers)


def waiting_beside(groups: Iterable[Group], newcomer: Entry) -> int:
    """How many wait that are of its tenant, or of its person, whichever are more."""
    of_tenant = of_person = 0
    for group in groups:
        of_tenant += group.waiting if group.tenant == newcomer.tenant else 0
        of_person += group.waiting if group.person == newcomer.person else 0
    return of_tenant if newcomer.person is None else max(of_tenant, of_person)


def share_of(limit: int) -> int:
    """How many places of a queue one tenant, or one person, may take: half of them, so that there
    is room for others. A short queue is not divided."""
    return limit if limit < LEAST_DIVIDED else limit // 2


LEAST_DIVIDED = 20
_AGE = attrgetter("since", "debate_id")
_RANKS = {tier: rank for rank, tier in enumerate(SERVED_FIRST)}
