"""People who watch have a say while a debate runs."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Watch
from tests.support.processes import Server

Start = Callable[..., str]


def test_a_vote_reaches_every_reader_and_the_verdict(
    page: Page, browser: Browser, slow_server: Server, start_debate: Start
) -> None:
    address = start_debate(slow_server, example=1)
    choices = page.locator("[data-answers] .choice")
    expect(choices.first).to_be_visible(timeout=60_000)
    other = browser.new_context().new_page()
    other.goto(address)
    expect(other.locator("[data-connection]")).to_have_attribute("data-state", "live")
    page.evaluate("window.isTheSamePage = true")
    choices.first.locator("input").check()
    page.get_by_label("How strongly").fill("8")
    page.get_by_role("button", name="Vote").click()
    expect(page.get_by_text("Your vote counts for")).to_be_visible()
    expect(page.get_by_role("button", name="Change the vote")).to_be_visible()
    expect(choices.first.locator("input")).to_be_checked()
    assert page.evaluate("window.isTheSamePage")
    expect(other.locator("[data-answers]")).to_contain_text("1 vote")
    expect(other.locator("#verdict")).to_contain_text("The audience: 1 vote", timeout=90_000)
    expect(other.locator("[data-audience]")).to_be_hidden()
    other.context.close()


def test_a_suggestion_is_heard(page: Page, slow_server: Server, start_debate: Start) -> None:
    start_debate(slow_server, example=0)
    expect(page.locator("[data-audience]")).to_be_visible(timeout=60_000)
    page.get_by_label("What should the panel consider?").fill("What do nurses say?")
    page.get_by_role("button", name="Suggest it").click()
    expect(page.get_by_text("The panel hears it in its next exchange.")).to_be_visible()
    expect(page.locator(".notes")).to_contain_text("What do nurses say?")
    expect(page.get_by_label("What should the panel consider?")).to_be_empty()
    page.get_by_label("What should the panel consider?").fill("what do NURSES say")
    page.get_by_role("button", name="Suggest it").click()
    expect(page.get_by_text("Somebody has suggested that before")).to_be_visible()


def test_a_refusal_is_said_where_it_was_asked_for(
    page: Page, slow_server: Server, start_debate: Start, watch: Watch
) -> None:
    watch.expect("429")
    start_debate(slow_server, example=0)
    suggestion = page.get_by_label("What should the panel consider?")
    status, number = 0, 0
    while status != HTTPStatus.TOO_MANY_REQUESTS and number < 20:  # A slow browser has more room.
        number += 1
        suggestion.fill(f"Idea {number}")
        with page.expect_response("**/suggest") as answer:
            page.get_by_role("button", name="Suggest it").click()
        status = answer.value.status
        page.get_by_role("button", name="Suggest it", disabled=False).wait_for()
    expect(page.locator("[data-said] .notice-danger")).to_contain_text("wait")
    expect(suggestion).to_have_value(f"Idea {number}")
