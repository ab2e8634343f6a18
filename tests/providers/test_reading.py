"""What servers of OpenAI's dialect send, however it is cut up and whatever they leave out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debates.engine.types import Usage
from debates.providers.language_model import Heard
from debates.providers.openai_compatible.reading import (
    DONE,
    MAX_LINE,
    ErrorSaid,
    Events,
    StreamedAnswer,
    whole_answer,
)

TAGS = ("<think>", "</think>")


def chunk(content: Any = None, *, reason: str | None = None, **fields: Any) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **fields}


def hear(chunks: Sequence[dict[str, Any]]) -> tuple[list[str], Heard]:
    answer = StreamedAnswer(TAGS)
    pieces = [answer.take(json.dumps(one).encode()) for one in chunks]
    return [piece for piece in pieces if piece], answer.heard()


@given(st.lists(st.text(max_size=40), max_size=12), st.data(), st.sampled_from(["\n", "\r\n"]))
def test_a_stream_says_the_same_wherever_it_is_cut(
    texts: list[str], data: st.DataObject, end: str
) -> None:
    sent = [json.dumps(chunk(text), ensure_ascii=False).encode() for text in texts]
    stream = b": a comment" + end.encode() * 2
    for one in [*sent, DONE]:
        stream += b"event: chunk" + end.encode() + b"data: " + one + end.encode() * 2
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    events, found = Events(), list[bytes]()
    for begin, finish in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += events.feed(stream[begin:finish])

    assert found == [*sent, DONE]


def test_data_on_several_lines_is_one_event() -> None:
    assert list(Events().feed(b"data:1\ndata: 2\n\ndata: 3\n\n")) == [b"1\n2", b"3"]


def test_a_line_without_an_end_is_given_up() -> None:
    events = Events()
    assert list(events.feed(b"x" * MAX_LINE)) == []
    with pytest.raises(ValueError, match="too long"):
        list(events.feed(b"x"))


def test_text_usage_and_reason_are_read() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 2}
    pieces, heard = hear(
        [
            chunk("", model="m-1"),
            chunk("Yes, "),
            chunk("indeed."),
            chunk(reason="stop"),
            {"choices": [], "usage": usage},
        ]
    )
    assert pieces == ["Yes, ", "indeed."]
    assert heard == Heard("Yes, indeed.", "stop", Usage(7, 2), "m-1")


@pytest.mark.parametrize(
    ("reason", "read"),
    [
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "stop"),
        ("guardrail_intervened", None),
        (None, None),
    ],
)
def test_a_reason_that_nobody_knows_is_none(reason: str | None, read: str | None) -> None:
    assert hear([chunk("Yes"), chunk(reason=reason)])[1].finish_reason == read


def test_what_a_server_leaves_out_is_not_missed() -> None:
    scanty: list[dict[str, Any]] = [
        {"choices": [{"delta": {"content": "Yes"}}]},
        {"choices": [{"delta": None}]},
        {},
    ]
    assert hear(scanty) == (["Yes"], Heard("Yes", None, Usage(), ""))


def test_thinking_is_not_said() -> None:
    thinking = {"choices": [{"delta": {"reasoning_content": "Hmm."}}]}
    texts = ["\n", "<think>", "What if?", "</think>", "\n\n", "Yes", " and ", "\n"]
    pieces, heard = hear([thinking, *map(chunk, texts)])
    assert pieces == ["Yes", " and ", "\n"]
    assert heard.text == "Yes and \n"


def test_text_in_parts_is_text() -> None:
    parts = [{"type": "text", "text": "Yes"}, {"type": "reference", "text": "no"}, "!"]
    assert hear([chunk(parts)])[0] == ["Yes!"]


def test_a_refusal_is_no_answer() -> None:
    refusal = {"choices": [{"delta": {"refusal": "I will not."}}]}
    pieces, heard = hear([refusal, chunk(reason="stop")])
    assert pieces == []
    assert heard.finish_reason == "content_filter"


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"choices": [1]}', b"\xff"])
def test_what_is_no_chunk_is_an_error(data: bytes) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError)):
        StreamedAnswer(TAGS).take(data)


def test_an_error_in_the_place_of_a_chunk_is_one() -> None:
    with pytest.raises(ErrorSaid) as caught:
        StreamedAnswer(TAGS).take(b'{"error": {"message": "Too busy.", "code": 429}}')
    assert caught.value.message == "Too busy."


def whole(message: dict[str, Any], **choice: Any) -> Heard:
    body = {"model": "m-1", "choices": [{"message": message, **choice}]}
    return whole_answer(json.dumps(body).encode(), TAGS)


def test_a_form_that_was_filled_in_is_read() -> None:
    call = {"function": {"name": "answer", "arguments": '{"choice": "A"}'}}
    heard = whole({"content": None, "tool_calls": [call]}, finish_reason="tool_calls")
    assert heard == Heard('{"choice": "A"}', "stop", Usage(), "m-1", {"choice": "A"})


def test_half_a_form_is_words() -> None:
    call = {"function": {"name": "answer", "arguments": '{"choice": '}}
    heard = whole({"tool_calls": [call]}, finish_reason="length")
    assert (heard.data, heard.text, heard.finish_reason) == (None, '{"choice": ', "length")


def test_words_are_read_without_the_thinking() -> None:
    heard = whole({"content": "<think>A?\nB?</think>\n\nB."})
    assert (heard.text, heard.finish_reason) == ("B.", "stop")
