"""The API's browsable page in a browser that loads nothing from elsewhere."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.processes import Server

pytestmark = pytest.mark.browser


def test_the_page_shows_the_api_and_tries_it_out(page: Page, server: Server) -> None:
    complaints: list[str] = []
    elsewhere: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(server.url) else elsewhere.append(request.url)
        ),
    )

    page.goto(f"{server.url}/api/docs")
    expect(page.get_by_text("Start a debate")).to_be_visible()

    page.locator("#operations-health-get_health .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table")).to_contain_text('"database": "connected"')

    assert complaints == []
    assert [url for url in elsewhere if not url.startswith(("data:", "blob:"))] == []
