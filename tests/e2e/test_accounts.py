"""An account, from making it to sharing a debate with somebody who has none."""

from __future__ import annotations

import re
from itertools import count

from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Watch
from tests.e2e.test_accessibility import check, reader, scheme
from tests.support.processes import Server

__all__ = ["reader", "scheme"]

_numbers = count(1)


def register(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/register/?next=/account/")
    page.get_by_label("User name").fill(f"alice-{next(_numbers)}")
    page.get_by_label("E-mail address").fill("alice@example.org")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()


def test_every_page_of_an_account(reader: tuple[Page, Watch], server: Server) -> None:
    page, _ = reader
    page.goto(f"{server.url}/register/")
    page.get_by_role("button", name="Create the account").click()
    check(page)
    register(page, server)
    check(page)
    for address in (
        "/account/password/",
        "/account/preferences/",
        "/workspaces/",
        "/password/forgotten/",
        "/memory/",
        "/",
    ):
        page.goto(server.url + address)
        check(page)
    page.goto(f"{server.url}/account/preferences/")
    page.get_by_label("Rounds at most").fill("40")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Use 1 to 12 rounds.").click()
    expect(page.get_by_label("Rounds at most")).to_be_in_viewport()
    check(page)
    page.goto(f"{server.url}/account/keys/")
    page.get_by_label("Name", exact=True).fill("nightly report")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_label("The new API key")).to_have_value(re.compile(r"^ara_"))
    check(page)
    page.goto(f"{server.url}/workspaces/")
    page.get_by_label("Name").fill("Trams")
    page.get_by_role("button", name="Create the workspace").click()
    expect(page.get_by_role("heading", name="Trams")).to_be_visible()
    check(page)


def test_a_guest_watches_a_shared_debate_to_its_verdict(
    page: Page, browser: Browser, slow_server: Server
) -> None:
    register(page, slow_server)
    page.goto(slow_server.url)
    page.locator(".examples button").first.click()
    page.wait_for_url("**/debates/*/")
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("The link").input_value()
    assert page.locator(".debate-line").get_by_text("Private").is_visible()

    watching = Watch()
    context = browser.new_context(reduced_motion="reduce")
    context.on("console", watching.console)
    context.on("request", watching.request)
    guest = context.new_page()
    guest.goto(link)
    expect(guest.locator("[data-connection]")).to_have_attribute("data-state", "live")
    expect(guest.get_by_role("button", name="Pause")).to_have_count(0)
    expect(guest.locator("#verdict")).to_be_visible(timeout=60_000)
    check(guest)
    assert watching.troubles == []

    page.reload()
    page.get_by_role("button", name="Revoke the link").click()
    watching.expect("404")
    guest.reload()
    expect(guest.locator("#verdict")).to_have_count(0)
    context.close()
