"""`manage.py agents`: who there is, and who can be asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from debates.choices import ProviderName
from debates.mock_llm.server import ModelServer
from debates.models import Agent
from tests.factories import make_agent, make_model_agent

pytestmark = pytest.mark.django_db

KEY_VARIABLE = "TEST_AGENTS_KEY"


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def remote(model_server: ModelServer) -> Agent:
    return make_model_agent(
        "ada", model="test-large", base_url=model_server.openai_url, api_key_variable=KEY_VARIABLE
    )


def agents(*options: str) -> tuple[str, int]:
    """What the command prints, and its exit code."""
    output = StringIO()
    try:
        call_command("agents", *options, stdout=output)
    except SystemExit as end:
        return output.getvalue(), int(end.code or 0)
    return output.getvalue(), 0


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def listed() -> tuple[dict[str, dict[str, Any]], int]:
    output, code = agents("--json")
    return {agent["name"]: agent for agent in json.loads(output)["agents"]}, code


def test_an_agent_that_answers(remote: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "sk-very-secret-key")

    output, code = agents()

    assert code == 0
    (row,) = [line for line in output.splitlines() if "ada" in line]
    for word in ("openai_compatible", "test-large", "gpt", KEY_VARIABLE, "set", "yes"):
        assert word in row
    assert "1 of 1 can be asked." in output
    assert "sk-very-secret-key" not in output


def test_a_narrow_terminal_cuts_nothing_off(remote: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "sk-very-secret-key")
    monkeypatch.setenv("COLUMNS", "80")
    name = "an-agent-with-a-rather-long-name"
    make_model_agent(name, model="test-large", base_url=remote.base_url)
    screen = Terminal()

    call_command("agents", stdout=screen)

    shown = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    rows = {line.split()[0]: line.split()[1] for line in shown.splitlines() if line[:1] == "a"}
    assert rows == {"ada": "yes", name: "yes"}


def test_a_key_that_is_not_set(remote: Agent) -> None:
    found, code = listed()

    assert code == 1
    assert found["ada"]["key"] == "not set"
    assert not found["ada"]["reachable"]
    assert found["ada"]["detail"] == f"no key in {KEY_VARIABLE}"


def test_extractive_agents_can_always_be_asked() -> None:
    make_agent("grace")

    found, code = listed()

    assert code == 0
    assert found["grace"]["provider"] == ProviderName.EXTRACTIVE
    assert found["grace"]["key"] == "none needed"
    assert found["grace"]["reachable"]


def test_one_that_can_be_asked_is_enough(remote: Agent) -> None:
    make_agent("grace")

    found, code = listed()

    assert code == 0
    assert [agent["reachable"] for agent in found.values()] == [False, True]


def test_a_disabled_agent_does_not_count() -> None:
    make_agent("grace", enabled=False)

    output, code = agents()

    assert code == 1
    assert "disabled" in output


def test_nobody_at_the_address() -> None:
    make_model_agent("ada", base_url="http://127.0.0.1:9/v1")

    output, code = agents()

    assert code == 1
    assert "nothing answers" in output


def test_no_agents_at_all() -> None:
    output, code = agents()

    assert code == 1
    assert "manage.py setup_agents" in output
