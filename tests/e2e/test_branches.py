"""What can be made of a debate is offered when it is over, on pages that everybody can use."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.test_accessibility import check
from tests.support.processes import Server


def test_a_debate_is_forked_followed_up_and_put_away(page: Page, slow_server: Server) -> None:
    page.goto(slow_server.url)
    page.locator(".examples button").first.click()
    page.wait_for_url("**/debates/*/")
    address = page.url
    fork = page.get_by_role("link", name="Fork from a round")
    further = page.get_by_role("link", name="Ask a follow-up")
    archive = page.get_by_role("button", name="Archive", exact=True)
    expect(page.locator(".speaking").first).to_be_visible()
    for control in (fork, further, archive):
        expect(control).to_be_hidden()
    # Without loading the page again.
    expect(page.locator("#verdict")).to_be_visible(timeout=60_000)
    for control in (fork, further, archive):
        expect(control).to_be_visible()
    check(page)

    fork.click()
    check(page)
    page.get_by_label("Context").fill("The budget was halved last week.")
    page.get_by_role("button", name="Start the fork").click()
    expect(page.get_by_role("heading", name="Blind drafts")).to_be_visible()
    expect(page.locator("#branches")).to_contain_text("argues another one anew")

    page.goto(address)
    further.click()
    check(page)
    page.get_by_role("button", name="Start the follow-up").click()
    expect(page.get_by_role("alert")).to_contain_text("Ask a question.")
    check(page)

    page.goto(address)
    archive.click()
    expect(page.locator("#branches")).to_contain_text("It is archived")
    check(page)
    page.get_by_role("button", name="Take it out of the archive").click()
    expect(page.locator("#branches")).to_contain_text("It is in the lists again.")
    expect(archive).to_be_visible()
