"""Whoever waits, and whoever else comes: the order is one, and nobody is left out."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from debates.running.order import (
    SERVED_FIRST,
    Entry,
    Group,
    Place,
    in_order,
    place_on_coming,
    share_of,
    waiting_beside,
)
from ratelimit.tiers import Tier

START = datetime(2026, 1, 1, tzinfo=UTC)
TENANTS = [None, *(UUID(int=number) for number in range(1, 5))]
PEOPLE = [None, 1, 2, 3]
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
            draw(st.sampled_from(PEOPLE)),
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
        own = place.entry
        before = [e for e in entries if e.runs or age(e) < age(own)]
        of_tenant = sum(e.tenant == own.tenant for e in before)
        of_person = sum((e.person, e.tier) == (own.person, own.tier) for e in before)
        assert place.of_tenant == 1 + of_tenant
        assert place.turn == 1 + max(of_tenant, of_person if own.person else 0)


@given(entries=lines(one_tier=True))
def test_the_kth_of_one_waits_behind_the_first_of_the_others(entries: list[Entry]) -> None:
    line = in_order(entries)
    firsts = [number for number, place in enumerate(line) if place.turn == 1]
    assert firsts == list(range(len(firsts)))


@given(entries=lines(one_tier=True), late=st.lists(st.sampled_from(TENANTS), max_size=40))
def test_no_tenant_starves(entries: list[Entry], late: list[UUID | None]) -> None:
    """Each time one is served, one more arrives: a tenant that has nothing running is served
    before everybody who came after it."""
    waiting = [entry._replace(person=None) for entry in entries if not entry.runs]
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


@given(entries=lines(one_tier=True))
def test_many_workspaces_are_no_more_turns(entries: list[Entry]) -> None:
    """The first of every tenant and person stand before the second of any."""
    line = in_order(entries)
    for number, place in enumerate(line):
        if place.turn > 1:
            continue
        behind = [one.entry for one in line[:number]]
        assert all(one.tenant != place.entry.tenant for one in behind)
        assert place.entry.person is None or all(one.person != place.entry.person for one in behind)


def groups_of(entries: list[Entry]) -> list[Group]:
    counted = Counter((e.tenant, e.person, e.tier, e.runs) for e in entries)
    return [
        Group(*key, running=counted[*key, True], waiting=counted[*key, False])
        for key in {(e.tenant, e.person, e.tier) for e in entries}
    ]


@given(
    entries=lines(),
    one_each=st.booleans(),
    tenant=st.sampled_from(TENANTS),
    person=st.sampled_from(PEOPLE),
)
def test_a_newcomer_is_counted_to_the_place_where_it_stands(
    entries: list[Entry], one_each: bool, tenant: UUID | None, person: int | None
) -> None:
    people = dict(zip(TENANTS, [None, 1, 2, 3, 4], strict=True))
    if one_each:  # As in workspaces that nobody shares.
        person = people[tenant]
        entries = [entry._replace(person=people[entry.tenant]) for entry in entries]
    newcomer = Entry(UUID(int=1), tenant, TIERS[tenant], False, START + timedelta(days=1), person)
    groups = groups_of(entries)

    line = [place.entry for place in in_order([*entries, newcomer])]
    counted = place_on_coming(groups, newcomer)
    assert counted == 1 + line.index(newcomer) or (counted is None and not one_each)
    waiting = [e for e in entries if not e.runs]
    assert waiting_beside(groups, newcomer) == max(
        sum(e.tenant == tenant for e in waiting),
        sum(e.person == person for e in waiting) if person else 0,
    )


@given(limit=st.integers(1, 2000))
def test_nobody_takes_all_of_a_queue_that_is_worth_dividing(limit: int) -> None:
    assert 1 <= share_of(limit) <= limit
    assert limit < 20 or share_of(limit) <= limit - 10
