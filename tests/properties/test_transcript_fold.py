"""A snapshot with the later events applied to it is a later snapshot, wherever it was taken."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from debates.choices import EventType
from debates.selectors.transcript import LoggedEvent, apply, fold

AGENTS = ("ada", "ben", "cleo")

numbers = st.integers(0, 4)
shares = st.floats(0, 1)


def payload(type: EventType, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(type), st.fixed_dictionaries({"debate_id": st.just("d"), **fields}))


speech = {
    "round_number": numbers,
    "agent": st.sampled_from((*AGENTS, "judge")),
    "content": st.text(max_size=5),
    "turn_id": st.text(max_size=5),
}
kinds = st.one_of(
    payload(EventType.DEBATE_QUEUED),
    payload(EventType.DEBATE_START),
    payload(EventType.PHASE_CHANGE, to_phase=st.sampled_from(("draft", "exchange", "vote"))),
    payload(EventType.ROUND_START, round_number=numbers),
    *(
        payload(type, **speech)
        for type in (
            EventType.PROPOSE,
            EventType.REVISION,
            EventType.CRITIQUE,
            EventType.VOTE,
            EventType.AGENT_ERROR,
        )
    ),
    payload(EventType.CONVERGENCE, round_number=numbers, agreement=shares, stability=shares),
    payload(EventType.ROUND_END, round_number=numbers, duration_seconds=shares),
    payload(EventType.CONSENSUS, result=st.text(max_size=5)),
    payload(EventType.DEBATE_PAUSED, reason=st.text(max_size=5)),
    payload(EventType.AGENT_MESSAGE, **speech),
    payload(
        EventType.USER_VOTE,
        choice=st.text(max_size=5),
        tally=st.fixed_dictionaries({"voters": numbers, "candidates": st.just([])}),
    ),
    payload(EventType.DEBATE_END, status=st.just("completed")),
)
logs = st.lists(kinds, max_size=30).map(
    lambda pairs: [
        LoggedEvent(seq=seq, type=type, data=data, timestamp=f"t{seq}")
        for seq, (type, data) in enumerate(pairs, start=1)
    ]
)


@given(logs, st.data())
def test_a_snapshot_sent_over_the_wire_can_be_continued(
    log: list[LoggedEvent], data: st.DataObject
) -> None:
    seq = data.draw(st.integers(0, len(log)))
    snapshot = json.loads(json.dumps(fold(AGENTS, log[:seq])))
    for event in log[seq:]:
        apply(snapshot, event)
    assert snapshot == fold(AGENTS, log)


@given(logs)
def test_nothing_that_was_said_is_lost_or_doubled(log: list[LoggedEvent]) -> None:
    transcript = fold(AGENTS, log)
    columns = [column for round_ in transcript["rounds"] for column in round_["agents"]]
    for type, field in (
        (EventType.CRITIQUE, "critiques"),
        (EventType.VOTE, "votes"),
        (EventType.AGENT_ERROR, "errors"),
    ):
        said = [event.data for event in log if event.type == type]
        shown = [one for column in columns for one in column[field]]  # type: ignore[literal-required]
        assert sorted(map(repr, shown)) == sorted(map(repr, said))


@given(logs)
def test_rounds_and_columns_come_once(log: list[LoggedEvent]) -> None:
    transcript = fold(AGENTS, log)
    rounds = [round_["number"] for round_ in transcript["rounds"]]
    assert len(set(rounds)) == len(rounds)
    for round_ in transcript["rounds"]:
        names = [column["agent"] for column in round_["agents"]]
        assert names[:3] == list(AGENTS)
        assert len(set(names)) == len(names)
