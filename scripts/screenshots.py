#!/usr/bin/env python3
"""Take the pictures of the README from a running server.

    python scripts/screenshots.py [http://localhost:8080]

Starts an example debate on it, and writes docs/images/*.png. Needs what the tests need (playwright
and a Chromium)."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
SIZE = ViewportSize(width=1280, height=860)
EXAMPLE = 1
SOME_LINES = re.compile(r"(\w+\W+){25}")
"""Enough words of an agent to see that it speaks."""


def main() -> None:
    url = (sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8080").rstrip("/")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM if os.path.exists(CHROMIUM) else None,
            args=["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])],
        )
        address = hold_debate(open_page(browser, url, "light"))
        for name, scheme in (("verdict", "light"), ("verdict-dark", "dark")):
            take(open_page(browser, address, scheme), name)
        browser.close()


def open_page(browser: Browser, url: str, scheme: str) -> Page:
    """A page as somebody who likes it light or dark sees it."""
    context = browser.new_context(
        viewport=SIZE,
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    page.evaluate("document.fonts.ready")
    return page


def hold_debate(page: Page) -> str:
    """Start an example, take it while the agents speak, and wait for its verdict."""
    page.locator(".examples button").nth(EXAMPLE).click()
    page.wait_for_url("**/debates/*/")
    expect(page.locator(".speaking").last).to_contain_text(SOME_LINES, timeout=60_000)
    take(page, "live")
    expect(page.locator("#verdict")).to_be_visible(timeout=120_000)
    return page.url


def take(page: Page, name: str) -> None:
    file = IMAGES / f"{name}.png"
    page.screenshot(path=file)
    print(f"{file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file}")


if __name__ == "__main__":
    main()
