"""The menu of exports, by keyboard and without scripts; and the page that it gives, from a disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Watch
from tests.e2e.test_accessibility import violations
from tests.support.processes import Server


def test_a_debate_is_taken_away(
    page: Page,
    watch: Watch,
    server: Server,
    start_debate: Callable[..., str],
    tmp_path: Path,
) -> None:
    address = start_debate(server)
    expect(page.locator("#verdict")).to_be_visible()
    summary = page.locator("[data-menu] summary")
    summary.focus()
    page.keyboard.press("Enter")
    # It was not there when the page was loaded.
    expect(page.get_by_role("link", name="Signed receipt")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Signed receipt")).to_be_hidden()
    expect(summary).to_be_focused()

    assert page.context.browser
    plain = page.context.browser.new_context(java_script_enabled=False).new_page()
    plain.goto(address)
    plain.get_by_text("Export", exact=True).click()
    with plain.expect_download() as download:
        plain.get_by_role("link", name="To read and print").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    plain.context.close()

    watch.expect("request to file:")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(file.as_uri())
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        # Axe is put into the page by the driver, which its policy has no say in.
        assert violations(page) == []
