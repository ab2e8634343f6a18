"""A snapshot and the events after it are the state that the API shows: of a debate that runs,
wherever in it the snapshot was taken."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from debates.selectors.transcript import LoggedEvent, apply
from tests.support.processes import Server
from tests.support.streams import Frame, Reader, is_event


@pytest.mark.parametrize("protocol", ["adaptive", "classic"])
def test_every_snapshot_leads_to_the_same_state(server: Server, protocol: str) -> None:
    request = {
        "task": f"Should a small town build a tram? ({protocol})",
        "protocol": {"type": protocol, "rounds": 2, "consensus": "unanimity"},
    }
    created = httpx.post(f"{server.url}/api/v1/debates", json=request, timeout=10)
    debate_id = created.raise_for_status().json()["debate_id"]
    ask = {"debate_id": debate_id, "snapshot": True}
    with (
        connect(f"{server.ws_url}?debate_id={debate_id}", proxy=None, max_queue=None) as steady,
        connect(server.ws_url, proxy=None, max_queue=None) as asking,
    ):
        listener, asker = Reader(steady), Reader(asking)
        snapshots = []
        while "debate_end" not in listener.types:
            # As it comes: while one waits for the next event, the debate may be at any.
            listener.until(is_event)
            if len(snapshots) < 15:
                asker.send("subscribe", **ask)
                snapshots.append(asker.until("sync")["data"])
        asker.send("subscribe", **ask)
        last = asker.until("sync")["data"]
    events = [frame for frame in listener.frames if is_event(frame)]
    assert [event["seq"] for event in events] == list(range(1, last["seq"] + 1))
    for one in snapshots:
        assert continued(one, events) == last["snapshot"]["transcript"]
    assert_is_what_the_api_shows(last["snapshot"], server, debate_id)


def continued(sync: dict[str, Any], events: list[Frame]) -> Any:
    transcript = copy.deepcopy(sync["snapshot"]["transcript"])
    for event in events[sync["seq"] :]:
        names = ("seq", "type", "data", "timestamp", "round", "agent")
        apply(transcript, LoggedEvent(**{name: event[name] for name in names}))
    return transcript


def assert_is_what_the_api_shows(snapshot: Any, server: Server, debate_id: str) -> None:
    def get(part: str = "") -> dict[str, Any]:
        answer = httpx.get(f"{server.url}/api/v1/debates/{debate_id}{part}", timeout=10)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    debate, transcript = get(), snapshot["transcript"]
    assert {name: debate[name] for name in snapshot["debate"]} == snapshot["debate"]
    end, verdict = transcript["end"], transcript["verdict"]
    for name in ("status", "total_rounds", "rounds_used", "consensus_reached", "stop_reason"):
        assert end[name] == debate[name]
    assert verdict["confidence"] == debate["confidence"]
    assert verdict["dissenting_agents"] == debate["consensus"]["dissenting_agents"]
    said = [
        vote["choice"]
        for round_ in transcript["rounds"]
        for column in round_["agents"]
        for vote in column["votes"]
    ]
    assert said == [vote["choice"] for vote in get("/votes")["votes"]]
    rounds = get("/rounds")["rounds"]
    for mine, shown in zip(transcript["rounds"], rounds, strict=True):
        for name in ("agreement", "stability"):
            assert mine[name] == shown[name]
