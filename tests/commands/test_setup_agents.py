"""`manage.py setup_agents` as a person meets it on the first start."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from debates.mock_llm.server import ModelServer, Options
from tests.support.processes import manage, server_environment


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


def setup_agents(directory: Path, **variables: str) -> CompletedProcess[str]:
    env = server_environment(directory, **variables)
    assert manage("migrate", "--verbosity", "0", env=env).returncode == 0
    run = manage("setup_agents", env=env)
    assert run.returncode == 0, run.stderr
    return run


def test_without_a_model_it_says_what_debates_and_how_to_add_one(data_dir: Path) -> None:
    output = setup_agents(data_dir).stdout

    assert "New agents: extractive-advocate" in output
    assert "not language models" in output
    for way in ("OPENAI_API_KEY=", "ANTHROPIC_API_KEY=", "OPENAI_BASE_URL=", "Ollama"):
        assert way in output


def test_two_variables_are_enough_for_any_server(data_dir: Path, model_server: ModelServer) -> None:
    model_server.reset(Options(models=("llama-a", "qwen-b", "gemma-c"), key="sk-secret-own"))

    run = setup_agents(
        data_dir, OPENAI_BASE_URL=model_server.openai_url, OPENAI_API_KEY="sk-secret-own"
    )

    assert f"The server at {model_server.openai_url}: llama-a, qwen-b, gemma-c" in run.stdout
    assert "llama-a" in run.stdout.split("New agents:")[1]
    assert "sk-secret-own" not in run.stdout + run.stderr


def test_one_family_is_called_one_family(data_dir: Path, model_server: ModelServer) -> None:
    model_server.reset(Options(models=("llama-a",)))

    output = setup_agents(data_dir, OPENAI_BASE_URL=model_server.openai_url).stdout

    assert "All language models are of one family (llama)" in output


def test_a_server_that_does_not_answer_is_told(data_dir: Path) -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        output = setup_agents(data_dir, OPENAI_BASE_URL=address).stdout

    assert f"nothing answers at {address}" in output
    assert "New agents: extractive-advocate" in output
