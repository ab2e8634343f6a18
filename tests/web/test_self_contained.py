"""Pages bring everything along: nothing inline, nothing from elsewhere, nothing unaccounted for."""

from __future__ import annotations

import hashlib
import re

import pytest
from django.conf import settings
from django.test import Client

from tests.factories import make_agent, make_debate
from tests.web.records import hold_debate, hold_first_rounds

STATIC = settings.BASE_DIR / "static"


@pytest.fixture
def pages(client: Client, db: None) -> dict[str, str]:
    """Every kind of page, by address."""
    for name in ("ada", "ben", "cleo"):
        make_agent(name)
    live, done = make_debate(documents=["text"]), make_debate()
    hold_first_rounds(live)
    hold_debate(done)
    addresses = [
        "/",
        "/debates/",
        "/leaderboard/",
        "/agents/",
        "/memory/",
        "/about/",
        "/sign-in/",
        "/nowhere/",
    ]
    addresses += [
        f"/debates/{live.slug}/",
        f"/debates/{live.slug}/cancel/",
        f"/debates/{done.slug}/",
    ]
    return {address: client.get(address).content.decode() for address in addresses}


def test_there_is_no_inline_script_style_or_handler(pages: dict[str, str]) -> None:
    for address, page in pages.items():
        for attributes, content in re.findall(r"<script\b([^>]*)>(.*?)</script>", page, re.S):
            assert 'type="application/json"' in attributes or not content.strip(), address
        assert not re.search(r"<style\b", page), address
        assert not re.search(r"<[^>]+\s(style|on\w+)=", page), address


def test_nothing_comes_from_elsewhere(pages: dict[str, str]) -> None:
    for address, page in pages.items():
        for url in re.findall(r'\s(?:src|href|action|formaction)="([^"]*)"', page):
            assert url.startswith(("/", "#", "?")), (address, url)
            assert not url.startswith("//"), (address, url)
    for sheet in (STATIC / "css").glob("*.css"):
        urls = re.findall(r'url\("?([^)"]+)', sheet.read_text())
        assert all((sheet.parent / url).is_file() for url in urls), sheet


def test_every_file_that_a_page_names_exists(pages: dict[str, str]) -> None:
    named = {url for page in pages.values() for url in re.findall(r'"/static/([^"]+)"', page)}
    assert named
    for url in named:
        assert (STATIC / url).is_file(), url


def test_every_module_that_is_imported_exists() -> None:
    for module in (STATIC / "js").glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', module.read_text()):
            assert (STATIC / "js" / name).is_file(), (module.name, name)


def test_scripts_never_put_markup_into_the_page() -> None:
    for module in (STATIC / "js").glob("*.js"):
        text = module.read_text()
        for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert danger not in text, module.name


def test_vendored_files_are_what_their_list_says() -> None:
    """The table in static/fonts/README.md: file, package, path, SHA-256."""
    fonts = STATIC / "fonts"
    table = dict(
        re.findall(
            r"^\| (\S+\.woff2) \|.*`([0-9a-f]{64})`", (fonts / "README.md").read_text(), re.M
        )
    )
    assert set(table) == {file.name for file in fonts.glob("*.woff2")}
    for name, digest in table.items():
        assert hashlib.sha256((fonts / name).read_bytes()).hexdigest() == digest
        family = re.sub(r"-latin.*", "", name)
        assert "SIL OPEN FONT LICENSE" in (fonts / f"{family}-LICENSE.txt").read_text()


def test_every_page_has_a_policy_title_and_language(client: Client, pages: dict[str, str]) -> None:
    for address, page in pages.items():
        assert "script-src 'self'" in client.get(address)["Content-Security-Policy"]
        assert re.search(r"<title>\S.*</title>", page), address
        assert '<html lang="en">' in page
        assert page.count("<h1") == 1, address
        assert page.count('id="main"') == 1
