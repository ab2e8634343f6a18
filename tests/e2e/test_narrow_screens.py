"""No page scrolls sideways, however narrow the screen and however long a word."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.support.processes import Server

WORD = "W" * 3000
NARROW, PHONE = {"width": 320, "height": 640}, {"width": 390, "height": 844}
TOO_WIDE = """() => {
    const limit = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= limit) return [];
    return [...document.querySelectorAll("body *")]
        .filter((element) => element.getBoundingClientRect().right > limit + 0.5)
        .map((element) => element.outerHTML.slice(0, 90));
}"""


@pytest.fixture(scope="module")
def debates(server: Server) -> list[str]:
    """Two debates that are over: one of a single endless word, one of a cited corpus."""
    api = f"{server.url}/api/v1/debates"
    slugs = []
    for task in (WORD, "Should cities make public transport free?"):
        debate = httpx.post(api, json={"task": task}).raise_for_status().json()
        stream = {"Accept": "text/event-stream"}
        events_url = f"{api}/{debate['id']}/events"
        with httpx.stream("GET", events_url, headers=stream, timeout=60) as events:
            next(line for line in events.iter_lines() if '"type":"debate_end"' in line)
        slugs.append(debate["slug"])
    return slugs


@pytest.mark.parametrize("size", [NARROW, PHONE], ids=["320", "390"])
def test_nothing_is_wider_than_the_screen(
    page: Page, server: Server, debates: list[str], size: Any
) -> None:
    page.set_viewport_size(size)
    addresses = ["/", "/debates/", "/agents/", "/leaderboard/", "/about/", "/sign-in/"]
    addresses += [f"/debates/{slug}/" for slug in debates]
    for address in addresses:
        page.goto(f"{server.url}{address}")
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert page.evaluate(TOO_WIDE) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], address
