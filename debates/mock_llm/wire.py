"""How OpenAI's chat completions and Anthropic's messages look on the wire, from the server's side.

Pure functions from an answer to bodies and server-sent events, for `server`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Api = Literal["openai", "anthropic"]
Answer = str | Mapping[str, Any]
"""Text, or the arguments of a tool call (the JSON of them where no tool was offered)."""

CREATED = 1_700_000_000
_ANTHROPIC_STOP = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "tool_calls": "tool_use",
}


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What a client asked, in either dialect."""

    api: Api
    model: str
    system: str
    messages: tuple[tuple[str, str], ...]
    """(role, text) of every message but the system's."""
    tools: tuple[Mapping[str, Any], ...]
    """(name, JSON schema) of the tools on offer, as `{"name", "schema"}`."""
    stream: bool
    max_tokens: int | None
    key: str
    client: tuple[str, int]
    """The address of the other end: one a connection."""
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)

    @property
    def prompt(self) -> str:
        """The last thing that the user said."""
        return next((text for role, text in reversed(self.messages) if role == "user"), "")


def read_request(
    api: Api, body: Mapping[str, Any], headers: Mapping[str, str], client: tuple[str, int]
) -> ModelRequest:
    """Raises KeyError or TypeError for a body that no such API would take."""
    system = _text_of(body.get("system", ""))
    messages = []
    for message in body["messages"]:
        text = _text_of(message.get("content"))
        if message["role"] in {"system", "developer"}:
            system = f"{system}\n{text}".strip()
        else:
            messages.append((str(message["role"]), text))
    if api == "openai":
        tools = tuple(
            {"name": tool["function"]["name"], "schema": tool["function"].get("parameters", {})}
            for tool in body.get("tools") or ()
        )
    else:
        tools = tuple(
            {"name": tool["name"], "schema": tool.get("input_schema", {})}
            for tool in body.get("tools") or ()
        )
    return ModelRequest(
        api=api,
        model=str(body["model"]),
        system=system,
        messages=tuple(messages),
        tools=tools,
        stream=bool(body.get("stream")),
        max_tokens=body.get("max_tokens") or body.get("max_completion_tokens"),
        key=key_in(headers),
        headers=headers,
        client=client,
        body=body,
    )


def key_in(headers: Mapping[str, str]) -> str:
    return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")


def error_body(api: Api, status: int, message: str) -> bytes:
    kind = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}.get(
        status, "invalid_request_error" if status < 500 else "api_error"
    )
    error: dict[str, Any] = {"type": kind, "message": message}
    if api == "anthropic":
        return _json({"type": "error", "error": error})
    return _json({"error": {**error, "param": None, "code": None}})


def models_body(models: tuple[str, ...]) -> bytes:
    """A list that both kinds of client can read."""
    return _json(
        {
            "object": "list",
            "data": [
                {
                    "id": model,
                    "object": "model",
                    "created": CREATED,
                    "owned_by": "mock_llm",
                    "type": "model",
                    "display_name": model,
                    "created_at": "2023-11-14T22:13:20Z",
                }
                for model in models
            ],
            "has_more": False,
            "first_id": models[0] if models else None,
            "last_id": models[-1] if models else None,
        }
    )


def count_tokens(text: str) -> int:
    """Roughly what tokenisers say of English: four characters each."""
    return (len(text) + 3) // 4


def usage_of(request: ModelRequest, answer: Answer) -> tuple[int, int]:
    """(input, output) tokens."""
    asked = request.system + "".join(text for _, text in request.messages)
    return count_tokens(asked), count_tokens(as_text(answer))


def as_text(answer: Answer) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer)


def calls_tool(request: ModelRequest, answer: Answer) -> bool:
    return bool(request.tools) and not isinstance(answer, str)


def whole_body(
    request: ModelRequest, answer: Answer, finish_reason: str | None, *, report_usage: bool
) -> bytes:
    """The answer to a request that did not ask for a stream."""
    used_in, used_out = usage_of(request, answer)
    as_tool = calls_tool(request, answer)
    reason = "tool_calls" if as_tool and finish_reason == "stop" else finish_reason
    if request.api == "openai":
        message: dict[str, Any] = {"role": "assistant", "content": as_text(answer)}
        if as_tool:
            message |= {"content": None, "tool_calls": [_openai_tool_call(request, answer)]}
        body: dict[str, Any] = {
            "id": "chatcmpl-mock",
            "object": "chat.completion",
            "created": CREATED,
            "model": request.model,
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        }
        if report_usage:
            body["usage"] = _openai_usage(used_in, used_out)
        return _json(body)
    block: dict[str, Any] = {"type": "text", "text": as_text(answer)}
    if as_tool:
        block = {"type": "tool_use", "id": "toolu_mock", "name": request.tools[0]["name"]}
        block["input"] = answer
    return _json(
        {
            **_anthropic_message(request),
            "content": [block],
            "stop_reason": _ANTHROPIC_STOP.get(reason or ""),
            "usage": {"input_tokens": used_in, "output_tokens": used_out}
            if report_usage
            else {"input_tokens": 0, "output_tokens": 0},
        }
    )


def stream_head(request: ModelRequest, answer: Answer, *, report_usage: bool) -> Iterator[bytes]:
    """Events before the first piece of text."""
    if request.api == "openai":
        yield _openai_event(request, {"role": "assistant", "content": ""})
        return
    used_in, _ = usage_of(request, answer)
    message = {**_anthropic_message(request), "content": [], "stop_reason": None}
    message["usage"] = {"input_tokens": used_in if report_usage else 0, "output_tokens": 0}
    yield _anthropic_event("message_start", {"message": message})
    block = {"type": "text", "text": ""}
    yield _anthropic_event("content_block_start", {"index": 0, "content_block": block})


def stream_piece(request: ModelRequest, text: str) -> bytes:
    if request.api == "openai":
        return _openai_event(request, {"content": text})
    return _anthropic_event(
        "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text}}
    )


def corrupt_event(request: ModelRequest) -> bytes:
    """Half a JSON object, where a whole one is due."""
    return stream_piece(request, "broken")[:-20] + b"\n\n"


def stream_tail(
    request: ModelRequest, answer: Answer, finish_reason: str | None, *, report_usage: bool
) -> Iterator[bytes]:
    """Events after the last piece of text; without a finish reason, the stream just ends."""
    used_in, used_out = usage_of(request, answer)
    if request.api == "openai":
        if finish_reason is not None:
            yield _openai_event(request, {}, finish_reason)
        wants_usage = (request.body.get("stream_options") or {}).get("include_usage")
        if report_usage and wants_usage:
            yield _openai_event(request, None, usage=_openai_usage(used_in, used_out))
        yield b"data: [DONE]\n\n"
        return
    yield _anthropic_event("content_block_stop", {"index": 0})
    if finish_reason is None:
        return
    delta = {"stop_reason": _ANTHROPIC_STOP[finish_reason], "stop_sequence": None}
    usage = {"output_tokens": used_out if report_usage else 0}
    yield _anthropic_event("message_delta", {"delta": delta, "usage": usage})
    yield _anthropic_event("message_stop", {})


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(
        str(part.get("text") or part.get("content") or "")
        for part in content or ()
        if isinstance(part, dict)
    )


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _openai_usage(used_in: int, used_out: int) -> dict[str, int]:
    return {
        "prompt_tokens": used_in,
        "completion_tokens": used_out,
        "total_tokens": used_in + used_out,
    }


def _openai_tool_call(request: ModelRequest, answer: Answer) -> dict[str, Any]:
    function = {"name": request.tools[0]["name"], "arguments": as_text(answer)}
    return {"id": "call_mock", "type": "function", "function": function}


def _openai_event(
    request: ModelRequest,
    delta: Mapping[str, Any] | None,
    finish_reason: str | None = None,
    usage: Mapping[str, int] | None = None,
) -> bytes:
    choices = (
        [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    )
    chunk: dict[str, Any] = {
        "id": "chatcmpl-mock",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": request.model,
        "choices": choices,
    }
    if usage is not None:
        chunk["usage"] = usage
    return b"data: " + _json(chunk) + b"\n\n"


def _anthropic_message(request: ModelRequest) -> dict[str, Any]:
    return {
        "id": "msg_mock",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "stop_sequence": None,
    }


def _anthropic_event(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\n".encode() + b"data: " + _json({"type": name, **data}) + b"\n\n"
