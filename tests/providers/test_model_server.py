"""The model server on its own, as load tests and browsers start it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import httpx2
import pytest

from tests.support.processes import ROOT


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.support.model_server", "--models", "one,two"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture
def client(address: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=address, trust_env=False) as client:
        client.post(control(address, "reset"))
        yield client


def control(address: str, action: str) -> str:
    return f"{address.removesuffix('/v1')}/control/{action}"


QUESTION = {"model": "one", "messages": [{"role": "user", "content": "Well?"}]}


def test_it_prints_where_it_is_and_lists_its_models(client: httpx2.Client) -> None:
    models = client.get("/models").json()["data"]

    assert [model["id"] for model in models] == ["one", "two"]


def test_it_is_scripted_over_http(client: httpx2.Client, address: str) -> None:
    script = [{"status": 429, "headers": {"retry-after": "3"}}, {"answer": "As you wish."}]
    client.post(control(address, "script"), json=script)

    refused = client.post("/chat/completions", json=QUESTION)
    answered = client.post("/chat/completions", json=QUESTION)

    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "3"
    assert answered.json()["choices"][0]["message"]["content"] == "As you wish."


def test_it_tells_what_it_saw(client: httpx2.Client, address: str) -> None:
    client.post("/chat/completions", json=QUESTION)

    (seen,) = client.get(control(address, "requests")).json()["requests"]

    assert seen == {"model": "one", "api": "openai", "finished": True, "disconnected": False}


def test_a_held_answer_goes_on_when_it_is_released(client: httpx2.Client, address: str) -> None:
    client.post(control(address, "script"), json=[{"fault": "hold", "answer": "At last."}])

    with client.stream("POST", "/chat/completions", json={**QUESTION, "stream": True}) as answer:
        lines = answer.iter_lines()
        next(lines)
        client.post(control(address, "release"))
        rest = list(lines)

    assert "data: [DONE]" in rest
