"""Every frame that a client gets is what its schema says."""

from __future__ import annotations

import json
from dataclasses import fields

import httpx
import pytest
from aragora_sdk.events import EVENT_CLASS_MAP
from websockets.sync.client import connect

from debates.choices import EventType
from debates.streaming.events import PAYLOADS, ControlType, Envelope, EphemeralType
from tests.support.processes import Server
from tests.support.schemas import faults
from tests.support.streams import Reader

MADE_BY_THE_CLIENT = {"connected", "disconnected", "error", "message"}


def test_every_type_has_a_schema() -> None:
    assert set(PAYLOADS) == {*EventType.values, *EphemeralType, *ControlType}


@pytest.mark.parametrize("type", sorted(set(EVENT_CLASS_MAP) - MADE_BY_THE_CLIENT))
def test_the_fields_that_the_python_client_reads_are_there(type: str) -> None:
    read = {field.name for field in fields(EVENT_CLASS_MAP[type])}
    missing = read - set(PAYLOADS[type].__annotations__)
    assert not missing


@pytest.mark.parametrize("protocol", ["adaptive", "classic"])
def test_every_frame_of_a_debate_is_what_its_schema_says(server: Server, protocol: str) -> None:
    request = {
        "task": f"Should a small town build a tram? ({protocol})",
        "protocol": {"type": protocol, "rounds": 3, "consensus": "unanimity"},
    }
    created = httpx.post(f"{server.url}/api/v1/debates", json=request, timeout=10)
    created.raise_for_status()
    debate_id = created.json()["debate_id"]
    url = f"{server.ws_url}?debate_id={debate_id}"
    with connect(url, proxy=None, max_queue=None) as socket:
        client = Reader(socket)
        client.send("get_loops")
        client.send("ping", ts=1)
        client.send("nonsense")
        client.until("debate_end")
        client.send("subscribe", debate_id=debate_id, snapshot=True)
        client.until("sync")
        client.send("unsubscribe", debate_id=debate_id)
        client.until("unsubscribed")
    found = [
        f"{frame['type']} {fault}"
        for frame in client.frames
        for fault in (*faults(frame, Envelope), *faults(frame["data"], PAYLOADS[frame["type"]]))
    ]
    assert not found
    assert client.seqs == list(range(1, len(client.seqs) + 1))
    assert {"debate_start", "propose", "consensus"} <= set(client.types)
    with_seq = {frame["type"] for frame in client.frames if "seq" in frame}
    assert with_seq <= {*EventType.values, ControlType.SYNC}
    assert json.dumps(client.frames)
