"""Whoever waits, and whoever else comes: the order is one, and nobody is left out."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from debates.running.order import SERVED_FIRST, Entry, Place, in_order
from ratelimit.tiers import Tier

START = datetime(2026, 1, 1, tzinfo=UTC)
TENANTS = [None, *(UUID(int=number) for number in range(1, 5))]
TIERS = dict(zip(TENANTS, [Tier.ANONYMOUS, *list(Tier)[1:], Tier.AUTHENTICATED], strict=True))


@st.composite
def lines(draw: st.DrawFn, *, one_tier: bool = False) -> list[Entry]:
    """Debates of several tenants, some of which run; moments repeat."""
    count = draw(st.integers(0, 24))
    return [
        Entry(
            UUID(int=1000 + number),
            tenant := draw(st.sampled_from(TENANTS)),
            Tier.AUTHENTICATED if one_tier else TIERS[tenant],
            draw(st.booleans()),
            START + timedelta(seconds=draw(st.integers(0, 8))),
        )
        for number in range(count)
    ]


def age(entry: Entry) -> tuple[datetime, UUID]:
    return entry.since, entry.debate_id


@given(entries=lines(), seed=st.integers())
def test_everybody_who_waits_has_one_place_whatever_the_order_of_reading(
    entries: list[Entry], seed: int
) -> None:
    line = in_order(entries)
    assert Counter(place.entry for place in line) == Counter(e for e in entries if not e.runs)
    shuffled = list(entries)
    random.Random(seed).shuffle(shuffled)
    assert in_order(shuffled) == line


@given(entries=lines())
def test_tiers_come_first_and_turns_within_them(entries: list[Entry]) -> None:
    line = in_order(entries)
    keys = [(SERVED_FIRST.index(p.entry.tier), p.turn, *age(p.entry)) for p in line]
    assert keys == sorted(keys)
    for place in line:
        of_tenant = [e for e in entries if e.tenant == place.entry.tenant]
        before = [e for e in of_tenant if e.runs or age(e) < age(place.entry)]
        assert place.turn == 1 + len(before)


@given(entries=lines(one_tier=True))
def test_the_kth_of_one_waits_behind_the_first_of_the_others(entries: list[Entry]) -> None:
    line = in_order(entries)
    firsts = [number for number, place in enumerate(line) if place.turn == 1]
    assert firsts == list(range(len(firsts)))


@given(entries=lines(one_tier=True), late=st.lists(st.sampled_from(TENANTS), max_size=40))
def test_no_tenant_starves(entries: list[Entry], late: list[UUID | None]) -> None:
    """Each time one is served, one more arrives: a tenant that has nothing running is served
    before everybody who came after it."""
    waiting = [entry for entry in entries if not entry.runs]
    arrivals = [
        Entry(UUID(int=9000 + n), tenant, Tier.AUTHENTICATED, False, START + timedelta(hours=n + 1))
        for n, tenant in enumerate(late)
    ]
    served: list[Entry] = []
    while waiting:
        first: dict[UUID | None, Place] = {}
        for place in in_order(waiting):
            first.setdefault(place.entry.tenant, place)
        chosen = in_order(waiting)[0].entry
        assert all(age(chosen) <= age(place.entry) for place in first.values())
        served.append(chosen)  # It is over before the next one is taken.
        waiting.remove(chosen)
        if arrivals:
            waiting.append(arrivals.pop(0))
    for tenant in TENANTS:
        of_tenant = [entry for entry in served if entry.tenant == tenant]
        assert of_tenant == sorted(of_tenant, key=age)
