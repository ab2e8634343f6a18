"""Bodies as real clients send them, to a real server."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.processes import Server

JSON = {"content-type": "application/json"}


def pieces(total: int) -> Iterator[bytes]:
    """A JSON body in pieces of 64 KB, whose length nobody declares."""
    yield b'{"task": "Why?", "autostart": false, "context": "'
    for _ in range(total // 65536):
        yield b"x" * 65536
    yield b'"}'


@pytest.fixture
def address(server: Server) -> str:
    return f"{server.url}/api/v1/debates"


def listed(address: str) -> int:
    total: int = httpx.get(address).json()["total"]
    return total


def test_a_chunked_body_that_fits_is_read(address: str) -> None:
    answer = httpx.post(address, content=pieces(131072), headers=JSON)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("total", [1_500_000, 6_000_000])
def test_a_chunked_body_over_a_megabyte_is_too_large(address: str, total: int) -> None:
    before = listed(address)
    answer = httpx.post(address, content=pieces(total), headers=JSON)
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"
    assert answer.json()["trace_id"] == answer.headers["x-request-id"]
    assert listed(address) == before


def test_a_declared_body_over_a_megabyte_is_too_large(address: str) -> None:
    answer = httpx.post(address, content=b"".join(pieces(1_500_000)), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_chunked_body_of_a_wrong_type_is_refused(address: str) -> None:
    answer = httpx.post(address, content=pieces(65536), headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_an_empty_body_with_a_json_type_is_fine(address: str) -> None:
    created = httpx.post(address, json={"task": "Why?", "autostart": False}).json()
    answer = httpx.post(f"{address}/{created['id']}/cancel", headers=JSON)
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")


def test_head_has_the_length_and_no_body(address: str) -> None:
    answer = httpx.head(address)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_events_are_a_stream_for_those_who_ask(address: str) -> None:
    created = httpx.post(address, json={"task": "Why?", "autostart": False}).json()
    httpx.post(f"{address}/{created['id']}/cancel")
    events = f"{address}/{created['id']}/events"
    assert [event["type"] for event in httpx.get(events).json()["events"]] == [
        "debate_cancelled",
        "debate_end",
    ]
    with httpx.stream("GET", events, headers={"accept": "text/event-stream"}) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        seen = ""
        for line in answer.iter_lines():
            seen += line
            if "debate_end" in line:
                break
    assert "debate_cancelled" in seen
