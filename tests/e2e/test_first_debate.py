"""From the first look at the page to a verdict."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.conftest import read_record
from tests.support.processes import Server

DOCUMENT = """The tram would cost 40 million euros. A study of 2021 found that the tram in the next
town cut car traffic by 12 percent. Shopkeepers fear two years of building works. Buses could be
improved for 6 million euros, but they stand in the same jams as cars."""


def test_one_click_on_an_example_leads_to_a_verdict(page: Page, server: Server) -> None:
    page.goto(server.url)
    example = page.locator(".examples button").first
    question = example.inner_text().strip()
    example.click()
    expect(page.locator("h1")).to_have_text(question)
    expect(page.locator("#verdict")).to_be_visible()
    expect(page.locator("#verdict")).to_contain_text("Confidence")
    expect(page.locator(".verdict-answer")).not_to_be_empty()
    expect(page.locator("[data-slot=status]")).to_have_text("Completed")


def test_what_was_seen_live_is_what_is_there_afterwards(
    page: Page, slow_server: Server, start_debate: Callable[..., str]
) -> None:
    start_debate(slow_server, example=3)
    expect(page.locator(".speaking").first).to_contain_text(re.compile(r"\w+ \w+"))
    expect(page.locator("[data-connection]")).to_have_attribute("data-state", "live")
    expect(page.locator("#verdict")).to_be_visible(timeout=90_000)
    expect(page.locator("[data-connection]")).to_have_attribute("data-state", "over")
    live = read_record(page)
    page.reload()
    assert live == read_record(page)
    assert page.locator(".voice").count() >= 3


def test_a_question_with_documents_of_one_s_own(page: Page, server: Server, tmp_path: Path) -> None:
    upload = tmp_path / "council.md"
    upload.write_text("# The council's paper\n\nThe council expects 9,000 passengers a day.")
    page.goto(server.url)
    page.get_by_label("Your question").fill("Should the town build the tram?")
    page.get_by_label("Title of text 1").fill("The study")
    page.get_by_label("Text 1", exact=True).fill(DOCUMENT)
    page.get_by_label("Upload files").set_input_files(upload)
    page.get_by_label("Plurality").check()
    page.get_by_role("button", name="Start the debate").first.click()
    page.wait_for_url("**/debates/*/")
    expect(page.locator("#verdict")).to_be_visible()
    expect(page.locator(".document-list")).to_contain_text("The study")
    expect(page.locator(".document-list")).to_contain_text("The council's paper")
    expect(page.locator(".rounds")).to_contain_text("[1]")
    page.get_by_role("link", name="Debates").click()
    expect(page.locator(".debates h2").first).to_have_text("Should the town build the tram?")


def test_the_keyboard_alone_is_enough(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type("Is tea better than coffee for long meetings?")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Start the debate").first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/debates/*/")
    expect(page.locator("#verdict")).to_be_visible()
    page.keyboard.press("v")
    expect(page.locator("#verdict")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator(".round h2").first).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#shortcuts-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#shortcuts-dialog")).to_be_hidden()


def test_the_link_can_be_copied(
    page: Page, server: Server, start_debate: Callable[..., str]
) -> None:
    address = start_debate(server)
    page.get_by_role("button", name="Copy the link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address
