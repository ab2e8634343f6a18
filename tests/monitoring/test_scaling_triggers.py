"""Instances are added and taken away as the scaling guide's table says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitoring.scaling.triggers import Decision, Metric, Policy, Scaler

LOOK = 15
QUIET = {Metric.CPU: 0.1, Metric.DEBATES: 0.1, Metric.SOCKETS: 100.0, Metric.MEMORY: 0.1}
BUSY = {Metric.CPU: 0.5, Metric.DEBATES: 0.5, Metric.SOCKETS: 500.0, Metric.MEMORY: 0.6}


def first_decision(
    figures: dict[Metric, float], *, instances: int = 10, seconds: int = 3600
) -> tuple[int, Decision] | None:
    scaler = Scaler(Policy())
    for now in range(0, seconds, LOOK):
        if decision := scaler.look(now, figures, instances=instances):
            return now, decision
    return None


def test_cpu_has_to_be_high_for_three_minutes() -> None:
    found = first_decision(BUSY | {Metric.CPU: 0.71})
    assert found is not None
    at, decision = found
    assert (at, decision.reason) == (180, "cpu")
    assert decision.after > 10
    assert first_decision(BUSY | {Metric.CPU: 0.70}) is None


def test_a_break_begins_the_three_minutes_again() -> None:
    scaler = Scaler(Policy())
    for now in range(0, 900, LOOK):
        cpu = 0.5 if now % 150 == 0 else 0.9
        assert scaler.look(now, BUSY | {Metric.CPU: cpu}, instances=4) is None


def test_debates_sockets_and_memory_add_at_once() -> None:
    for metric, figure in ((Metric.DEBATES, 0.81), (Metric.SOCKETS, 801), (Metric.MEMORY, 0.81)):
        found = first_decision(BUSY | {metric: figure})
        assert found is not None
        assert (found[0], found[1].reason) == (0, metric.value)


def test_all_must_be_idle_before_any_is_taken_away() -> None:
    found = first_decision(QUIET)
    assert found is not None
    assert found[0] == 600
    assert found[1].after == 9
    limits = {Metric.CPU: 0.30, Metric.DEBATES: 0.20, Metric.SOCKETS: 200.0, Metric.MEMORY: 0.40}
    for metric, figure in limits.items():
        assert first_decision(QUIET | {metric: figure}) is None


def test_what_starts_already_is_not_added_again() -> None:
    scaler = Scaler(Policy())
    figures = BUSY | {Metric.DEBATES: 0.9}
    first = scaler.look(0, figures, instances=10)
    assert first is not None
    assert scaler.look(15, figures, instances=10, starting=first.after - 10) is None
    more = scaler.look(30, figures | {Metric.DEBATES: 2.0}, instances=10, starting=first.after - 10)
    assert more is not None
    assert more.before == first.after


shares = st.floats(0, 3)
figures_of_a_look = st.fixed_dictionaries(
    {
        Metric.CPU: st.floats(0, 1),
        Metric.DEBATES: shares,
        Metric.SOCKETS: st.floats(0, 2000),
        Metric.MEMORY: st.floats(0, 1),
    }
)


@given(st.lists(figures_of_a_look, max_size=120), st.integers(1, 5), st.integers(5, 40))
def test_within_its_bounds_and_patient_whatever_comes(
    looks: list[dict[Metric, float]], least: int, most: int
) -> None:
    policy = Policy(least=least, most=most)
    scaler, instances, changed_at = Scaler(policy), least, None
    for number, figures in enumerate(looks):
        now = number * LOOK
        decision = scaler.look(now, figures, instances=instances)
        if decision is None:
            continue
        assert decision.before == instances
        assert decision.after != instances
        assert least <= decision.after <= most
        if decision.after < instances:
            assert changed_at is None or now - changed_at >= policy.cool_down_seconds
        instances, changed_at = decision.after, now
