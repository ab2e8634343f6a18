"""A debate while it runs: steering it, losing the connection, coming late."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from tests.e2e.conftest import Watch, read_record
from tests.support.processes import Server

Start = Callable[..., str]

KEEP_SOCKETS = """
    window.sockets = [];
    const Real = WebSocket;
    window.WebSocket = class extends Real {
        constructor(...args) { super(...args); window.sockets.push(this); }
    };
"""

COUNT_COLUMNS = """
    window.counts = new Set();
    new MutationObserver(() => {
        window.counts.add(document.querySelectorAll("#round-0 .voice").length);
        for (const words of document.querySelectorAll("[data-waiting]")) {
            if (words.textContent === "is answering …") {
                document.documentElement.classList.add("was-answering");
            }
        }
    }).observe(document, { childList: true, subtree: true, characterData: true });
"""


def test_everybody_has_a_column_before_anybody_speaks(
    page: Page, slow_server: Server, start_debate: Start
) -> None:
    page.add_init_script(COUNT_COLUMNS)
    start_debate(slow_server)
    expect(page.locator("#round-1 .voice")).to_have_count(3, timeout=60_000)
    assert set(page.evaluate("[...window.counts]")) <= {0, 3}
    # The drafts may have begun before the page was there; the exchange begins before its eyes.
    expect(page.locator("html")).to_have_class(re.compile("was-answering"), timeout=60_000)
    expect(page.locator("#verdict")).to_be_visible(timeout=90_000)
    expect(page.locator("[data-waiting]")).to_have_count(0)


def test_cancelling_asks_first_and_keeps_what_was_said(
    page: Page, slow_server: Server, start_debate: Start
) -> None:
    start_debate(slow_server)
    expect(page.locator(".speaking").first).to_be_visible()
    page.locator('a[data-action="cancel"]').click()
    dialog = page.locator("#cancel-dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Keep it running").click()
    expect(dialog).to_be_hidden()
    page.locator('a[data-action="cancel"]').click()
    dialog.get_by_role("button", name="Cancel the debate").click()
    expect(page.locator("[data-slot=status]")).to_have_text("Cancelled")
    expect(page.locator("[data-slot=state]")).to_contain_text("before there was a verdict")
    expect(page.locator("[data-action]:visible")).to_have_count(0)


def test_another_reader_sees_it_cancelled_without_reloading(
    page: Page, context: BrowserContext, slow_server: Server, start_debate: Start
) -> None:
    address = start_debate(slow_server)
    other = context.new_page()
    other.goto(address)
    expect(other.locator("[data-connection]")).to_have_attribute("data-state", "live")
    page.locator('a[data-action="cancel"]').click()
    page.get_by_role("button", name="Cancel the debate").click()
    expect(other.locator("[data-slot=status]")).to_have_text("Cancelled")
    expect(other.locator("[data-announce]")).to_contain_text("Cancelled")
    expect(other.locator("[data-action]:visible")).to_have_count(0)


def test_pausing_and_resuming(page: Page, slow_server: Server, start_debate: Start) -> None:
    start_debate(slow_server, example=1)
    expect(page.locator(".speaking").first).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-slot=status]")).to_have_text("Paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#verdict")).to_be_visible(timeout=90_000)


def test_stopping_gives_a_verdict_from_what_there_is(
    page: Page, slow_server: Server, start_debate: Start
) -> None:
    start_debate(slow_server, example=2)
    expect(page.locator(".voice .answer").first).to_be_visible()
    page.get_by_role("button", name="Stop and decide now").click()
    expect(page.locator("#verdict")).to_be_visible(timeout=60_000)
    expect(page.locator("#verdict")).to_contain_text("Stopped because")


def test_a_socket_that_is_cut_loses_and_doubles_nothing(
    page: Page, slow_server: Server, start_debate: Start
) -> None:
    page.add_init_script(KEEP_SOCKETS)
    start_debate(slow_server, example=4)
    for _ in range(3):
        expect(page.locator(".speaking").first).to_be_visible()
        expect(page.locator("[data-connection]")).to_have_attribute("data-state", "live")
        page.evaluate("window.sockets.at(-1).close()")
        expect(page.locator("[data-connection]")).to_have_attribute("data-state", "reconnecting")
    expect(page.locator("#verdict")).to_be_visible(timeout=90_000)
    assert page.evaluate("window.sockets.length") >= 4
    live = read_record(page)
    page.reload()
    assert live == read_record(page)


def test_without_sockets_the_page_asks_the_log(
    page: Page, watch: Watch, slow_server: Server, start_debate: Start
) -> None:
    watch.expect("WebSocket connection")

    def refuse(socket: WebSocketRoute) -> None:
        socket.close(code=1011)

    page.route_web_socket("**/ws?*", refuse)
    start_debate(slow_server, example=0)
    expect(page.locator("[data-connection]")).to_have_attribute("data-state", "polling")
    expect(page.locator("#verdict")).to_be_visible(timeout=90_000)
    live = read_record(page)
    page.reload()
    assert live == read_record(page)


def test_whoever_comes_late_sees_the_words_so_far(
    page: Page, context: BrowserContext, slow_server: Server, start_debate: Start
) -> None:
    address = start_debate(slow_server, example=3)
    first = page.locator(".speaking").first
    expect(first).to_contain_text(re.compile(r"\w+ \w+ \w+"))
    turn, words = first.get_attribute("data-turn"), first.inner_text()[:12]
    late = context.new_page()
    late.goto(address)
    expect(late.locator(f'[data-turn="{turn}"]')).to_contain_text(words)


def test_following_keeps_the_newest_in_view_until_the_reader_scrolls(
    page: Page, slow_server: Server, start_debate: Start
) -> None:
    start_debate(slow_server, example=1)
    follow = page.get_by_role("button", name="Follow")
    follow.click()
    expect(follow).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#round-1 .speaking").first).to_be_in_viewport(timeout=60_000)
    page.mouse.wheel(0, -2000)
    expect(follow).to_have_attribute("aria-pressed", "false")


def test_every_agent_there_is_fits_on_the_page(page: Page, slow_server: Server) -> None:
    page.goto(slow_server.url)
    boxes = page.locator('input[name="agents"]').all()
    for box in boxes:
        box.check()
    page.get_by_label("Your question").fill("Should cities make public transport free?")
    page.get_by_role("button", name="Start the debate").first.click()
    page.wait_for_url("**/debates/*/")
    expect(page.locator(".panel [data-seat]")).to_have_count(len(boxes))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
