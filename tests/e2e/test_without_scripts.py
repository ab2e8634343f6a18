"""Everything can be read, started and ended without a script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.processes import Server


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A page on which scripts do not run."""
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_a_debate_is_started_and_its_verdict_read(plain: Page, server: Server) -> None:
    plain.goto(server.url)
    plain.get_by_label("Your question").fill("Is tea better than coffee?")
    plain.get_by_label("Text 1", exact=True).fill("Tea calms. Coffee wakes. Both cost little.")
    plain.get_by_role("button", name="Start the debate").first.click()
    plain.wait_for_url("**/debates/*/")

    def reload_until_over() -> bool:
        plain.reload()
        return plain.locator("#verdict").is_visible()

    # Extractive agents at full speed are done within a few loads of the page.
    assert any(reload_until_over() for _ in range(200))
    expect(plain.locator(".voice .answer").first).to_be_visible()


def test_the_estimate_has_a_button(plain: Page, server: Server) -> None:
    plain.goto(server.url)
    plain.get_by_label("Your question").fill("Is tea better than coffee?")
    plain.get_by_label("Rounds at most").fill("9")
    before = plain.locator("[data-estimate-calls]").inner_text()
    plain.get_by_role("button", name="Estimate").click()
    expect(plain.locator("[data-estimate-calls]")).not_to_have_text(before)
    expect(plain.get_by_label("Your question")).to_have_value("Is tea better than coffee?")


def test_cancelling_asks_on_a_page_of_its_own(plain: Page, slow_server: Server) -> None:
    plain.goto(slow_server.url)
    plain.locator(".examples button").first.click()
    plain.wait_for_url("**/debates/*/")
    plain.get_by_role("link", name="Cancel").click()
    expect(plain.locator("h1")).to_have_text("Cancel this debate?")
    plain.get_by_role("button", name="Cancel the debate").click()
    expect(plain.locator("[data-slot=status]")).to_have_text("Cancelled")
