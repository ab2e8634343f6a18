"""The client for pages in docs/STREAM.md does what is said of it."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page

from tests.docs.test_documented_client import example
from tests.support.processes import Server


def test_the_page_gets_every_event_once(page: Page, server: Server) -> None:
    page.goto(server.url)
    made = httpx.post(f"{server.url}/api/v1/debates", json={"task": "Should it?"}, timeout=30)
    debate_id = made.raise_for_status().json()["debate_id"]
    seqs = page.evaluate(
        f"""([address, id]) => {{ {example("js")}
            return new Promise((done) => {{
              const seqs = [];
              follow(address, id, (event) => {{
                seqs.push(event.seq);
                if (OVER.has(event.type)) done(seqs);
              }});
            }});
        }}""",
        [server.ws_url, debate_id],
    )
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) > 5
