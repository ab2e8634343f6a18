"""Whatever a client sends over a socket, it is answered, and the connection goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debates.models import Debate
from tests.factories import make_debate
from tests.support.streams import StreamServer, reader

pytestmark = pytest.mark.django_db(transaction=True)

TYPES = ("subscribe", "unsubscribe", "ping", "user_vote", "user_suggestion", "get_loops")
FIELDS = ("debate_id", "loop_id", "since_seq", "replay_from_seq", "epoch", "ts", "payload", "token")
MOST = 6
"""Frames of an example: fewer than what may be sent at once."""

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("choice", "intensity", "suggestion")) | st.text(max_size=8),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
THIS_DEBATE = "this debate"
fields = st.dictionaries(
    st.sampled_from(FIELDS) | st.text(max_size=8), st.just(THIS_DEBATE) | values, max_size=4
)
frames = st.builds(lambda kind, rest: {"type": kind, **rest}, st.sampled_from(TYPES), fields)
messages = frames.map(json.dumps) | values.map(json.dumps) | st.text(max_size=60)


@pytest.fixture
def stream(transactional_db: None) -> Iterator[StreamServer]:
    with StreamServer() as server:
        yield server


@pytest.fixture
def debate(transactional_db: None) -> Debate:
    return make_debate()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(messages, min_size=1, max_size=MOST))
def test_any_frame_is_answered(stream: StreamServer, debate: Debate, sent: list[str]) -> None:
    with reader(stream) as client:
        for message in sent:
            client.socket.send(message.replace(THIS_DEBATE, str(debate.pk)))
        client.send("ping", ts="last")
        answer: dict[str, Any] = {}
        while answer.get("data", {}).get("ts") != "last":
            answer = client.next()
            assert answer["type"] != "error" or answer["data"].get("code") == "not_found", answer
