"""axe-core on every page, in both colour schemes, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Watch
from tests.support.processes import Server, aragora, free_port

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PAGES = (
    *("/", "/debates/", "/debates/?q=zebra", "/leaderboard/", "/agents/", "/memory/", "/about/"),
    "/sign-in/",
)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    scheme: str = request.param
    return scheme


@pytest.fixture(params=[WIDE, NARROW], ids=["wide", "narrow"])
def reader(
    request: pytest.FixtureRequest, browser: Browser, scheme: str
) -> Iterator[tuple[Page, Watch]]:
    """A page in one size and colour scheme, with its watch."""
    context = browser.new_context(
        viewport=request.param, color_scheme=scheme, reduced_motion="reduce"
    )
    watching = Watch()
    context.on("console", watching.console)
    context.on("request", watching.request)
    yield context.new_page(), watching
    context.close()
    assert watching.troubles == []


def violations(page: Page) -> list[str]:
    """What axe finds, as lines that name the rule and the element."""
    found = Axe().run(page)
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def check(page: Page) -> None:
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_every_page(reader: tuple[Page, Watch], server: Server) -> None:
    page, _ = reader
    for address in PAGES:
        page.goto(server.url + address)
        check(page)


def test_a_page_that_is_not_there(reader: tuple[Page, Watch], server: Server) -> None:
    page, watch = reader
    watch.expect("404")
    page.goto(f"{server.url}/nowhere/")
    check(page)


def test_what_the_instance_does_without(
    reader: tuple[Page, Watch], tmp_path_factory: pytest.TempPathFactory
) -> None:
    page, _ = reader
    without = {"ARAGORA_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    with aragora(tmp_path_factory.mktemp("without"), **without) as server:
        page.goto(server.url)
        expect(page.get_by_role("complementary", name="Notice about this service")).to_contain_text(
            "may come late"
        )
        check(page)


def test_the_form_with_errors(reader: tuple[Page, Watch], server: Server) -> None:
    page, _ = reader
    page.goto(server.url)
    page.get_by_label("Rounds at most").fill("40")
    page.get_by_label("Budget in US dollars").fill("nothing")
    page.get_by_role("button", name="Start the debate").first.click()
    expect(page.locator("#errors")).to_be_visible()
    check(page)


def test_a_debate_with_its_verdict(reader: tuple[Page, Watch], server: Server) -> None:
    page, _ = reader
    page.goto(server.url)
    page.locator(".examples button").first.click()
    expect(page.locator("#verdict")).to_be_visible()
    check(page)
    page.reload()
    for details in page.locator("details").all():
        details.locator("summary").click()
    check(page)


def test_a_debate_that_runs_and_its_dialogs(
    reader: tuple[Page, Watch], slow_server: Server
) -> None:
    page, _ = reader
    page.goto(slow_server.url)
    page.locator(".examples button").nth(1).click()
    expect(page.locator(".speaking").first).to_be_visible()
    page.locator('a[data-action="cancel"]').click()
    expect(page.locator("#cancel-dialog")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Cancel the debate").click()
    expect(page.locator("[data-slot=status]")).to_have_text("Cancelled")
    check(page)
