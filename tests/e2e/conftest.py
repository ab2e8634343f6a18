"""A real browser against a real server.

Every page of a test is watched: a console error, an exception, or a request to another host fails
the test that it happened in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

from tests.support import processes

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_OPTIONS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
READING_PACE = "40"
"""Words a second: slow enough to step in while agents speak, quick enough to wait for the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium where there is one, otherwise the one that playwright brought."""
    arguments: dict[str, Any] = {**browser_type_launch_args, "args": [*CHROMIUM_OPTIONS]}
    if os.path.exists(CHROMIUM):
        arguments["executable_path"] = CHROMIUM
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments["args"].append("--no-sandbox")
    return arguments


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 800},
        "reduced_motion": "reduce",
        "permissions": ["clipboard-read", "clipboard-write"],
    }


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.Server]:
    """A server whose agents speak at once, shared by all tests of the browser."""
    with processes.aragora(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def slow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.Server]:
    """A server whose agents speak at a pace that leaves time to step in."""
    with processes.aragora(
        tmp_path_factory.mktemp("slow"),
        ARAGORA_EXTRACTIVE_WORDS_PER_SECOND=READING_PACE,
        ARAGORA_DRAIN_SECONDS="0",
    ) as running:
        yield running


class Watch:
    """What went wrong on the pages of a context."""

    def __init__(self) -> None:
        self.troubles: list[str] = []
        self.expected: list[str] = []
        """Parts of messages that a test provokes on purpose."""

    def expect(self, part: str) -> None:
        self.expected.append(part)

    def console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.note(f"console: {message.text}")

    def request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob", "about") and address.hostname != "127.0.0.1":
            self.note(f"request to {request.url}")

    def note(self, trouble: str) -> None:
        if not any(part in trouble for part in self.expected):
            self.troubles.append(trouble)


@pytest.fixture
def watch(context: BrowserContext) -> Iterator[Watch]:
    """Fails the test at its end for whatever went wrong on a page."""
    watching = Watch()
    context.on("console", watching.console)
    context.on("weberror", lambda error: watching.note(f"exception: {error.error}"))
    context.on("request", watching.request)
    yield watching
    assert watching.troubles == []


@pytest.fixture
def page(watch: Watch, page: Page) -> Page:
    """A watched page."""
    page.set_default_timeout(20_000)
    return page


@pytest.fixture
def start_debate(page: Page) -> Callable[..., str]:
    """Start an example on a server; returns its address."""

    def start(server: processes.Server, *, example: int = 0) -> str:
        page.goto(server.url)
        page.locator(".examples button").nth(example).click()
        page.wait_for_url("**/debates/*/")
        return page.url

    return start


def read_record(page: Page) -> str:
    """What a person reads of a debate, without white space and what belongs to its being live."""
    text: str = page.evaluate(
        """() => {
            const main = document.querySelector("main").cloneNode(true);
            const live = "[data-livebar], [data-announce], .doing, time, noscript";
            main.querySelectorAll(`${live}, dialog, [hidden]`)
                .forEach((element) => element.remove());
            return main.textContent.replace(/\\s+/g, "");
        }"""
    )
    return text
