"""The start form with its script."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Watch
from tests.support.processes import Server


def test_an_error_takes_the_focus_and_leads_to_the_field(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.get_by_label("Text 1", exact=True).fill("Pasted words that must stay.")
    page.get_by_label("Rounds at most").fill("40")
    page.get_by_role("button", name="Start the debate").first.click()
    expect(page.locator("#errors")).to_be_focused()
    expect(page.locator("#errors")).to_contain_text("2 things to correct")
    expect(page.get_by_label("Text 1", exact=True)).to_have_value("Pasted words that must stay.")
    page.get_by_role("link", name="Use 1 to 12 rounds.").click()
    expect(page.get_by_label("Rounds at most")).to_be_focused()
    expect(page.get_by_label("Rounds at most")).to_have_attribute("aria-invalid", "true")


def test_the_estimate_follows_the_form(page: Page, server: Server) -> None:
    page.goto(server.url)
    calls = page.locator("[data-estimate-calls]")
    before = calls.inner_text()
    expect(page.locator("[data-estimate-cost]")).to_have_text("no cost")
    page.get_by_label("Rounds at most").fill("9")
    expect(calls).not_to_have_text(before)
    page.get_by_label("Rounds at most").fill("99")
    expect(page.locator("[data-estimate-note]")).to_have_text("Use 1 to 12 rounds.")
    expect(calls).to_have_text("–")


def test_further_texts_can_be_added(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.get_by_role("button", name="Add another text").click()
    expect(page.get_by_label("Title of text 2")).to_be_focused()
    page.get_by_label("Text 1", exact=True).fill("First text.")
    page.get_by_label("Text 2", exact=True).fill("Second text.")
    page.get_by_label("Your question").fill("Which text comes first?")
    page.get_by_role("button", name="Start the debate").first.click()
    page.wait_for_url("**/debates/*/")
    expect(page.locator(".document-list li")).to_have_text(
        [re.compile("Document 1"), re.compile("Document 2")]
    )


def test_seats_fill_as_agents_are_chosen(page: Page, server: Server) -> None:
    page.goto(server.url)
    seats = page.locator("[data-front] circle")
    expect(seats).to_have_count(3)
    page.locator('input[name="agents"]').nth(3).check()
    expect(seats).to_have_count(4)


def test_files_over_the_limit_are_told_before_they_are_sent(page: Page, server: Server) -> None:
    page.goto(server.url)
    large = {"name": "large.txt", "mimeType": "text/plain", "buffer": b"x" * 1_200_000}
    page.route("**/estimate/", lambda route: route.abort())
    page.get_by_label("Upload files").set_input_files(large)
    expect(page.locator("[data-upload-error]")).to_contain_text("the limit is 1.0 MB")
    page.get_by_label("Your question").fill("Too much?")
    page.get_by_role("button", name="Start the debate").first.click()
    expect(page.get_by_label("Upload files")).to_be_focused()
    assert page.url == f"{server.url}/"


def test_texts_over_the_limit_are_not_sent(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.get_by_label("Your question").fill("Too much?")
    text = page.get_by_label("Text 1", exact=True)
    text.evaluate(
        "field => { field.value = 'é'.repeat(600000);"
        " field.dispatchEvent(new Event('input', { bubbles: true })) }"
    )
    expect(page.locator("[data-text-error]")).to_contain_text("the limit is 1.0 MB")
    page.get_by_role("button", name="Start the debate").first.click()
    expect(text).to_be_focused()
    assert page.url == f"{server.url}/"


def test_a_body_over_the_limit_gets_its_page(page: Page, server: Server, watch: Watch) -> None:
    watch.expect("413")
    page.goto(server.url)
    page.get_by_label("Your question").fill("Too much?")
    page.get_by_label("Text 1", exact=True).evaluate(
        "field => { field.value = 'x'.repeat(1100000) }"
    )
    # As without the script that would have kept it here.
    page.evaluate("document.getElementById('start').submit()")
    expect(page.locator("h1")).to_have_text("That was too much at once.")
    expect(page.locator("main")).to_contain_text("over the limit of 1 MB")


def test_control_and_enter_start_the_debate_once(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.get_by_label("Your question").fill("Is tea better than coffee?")
    page.route("**/", lambda route: route.fulfill(status=204))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.get_by_label("Your question").press("Control+Enter")
    button = page.get_by_role("button", name="Starting …")
    expect(button).to_be_disabled()
    expect(page.locator(".slip .button-primary")).to_be_disabled()
    assert sent.count("POST") == 1


def test_the_count_warns_of_a_long_question(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.get_by_label("Your question").fill("x" * 10_001)
    expect(page.locator("[data-count]")).to_have_text("10,001 so far.")
