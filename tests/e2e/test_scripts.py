"""The modules that make up the live page, run in the browser."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from debates.providers.extractive.corpus import EXAMPLE_QUESTIONS
from debates.selectors.transcript import LoggedEvent, fold
from tests.support.processes import Server
from tests.web.attacks import ATTACKS

FOLD = """
async ({snapshot, frames}) => {
    const { apply, createState } = await import("/static/js/stream.js");
    const state = createState(snapshot);
    const before = JSON.stringify(state);
    const gaps = frames.map((frame) => {
        const was = JSON.stringify(state);
        const gap = apply(state, frame).includes("gap");
        if (gap && JSON.stringify(state) !== was) throw new Error("a gap changed the state");
        return gap;
    });
    return { state, gaps: gaps.filter(Boolean).length };
}
"""


@pytest.fixture(scope="module")
def record(server: Server) -> dict[str, Any]:
    """A debate that is over: its object and all of its events, from the API."""
    api = f"{server.url}/api/v1/debates"
    agents = ["extractive-advocate", "extractive-analyst", "extractive-skeptic"]
    started = {"task": EXAMPLE_QUESTIONS[0].question, "agents": agents}
    address = f"{api}/{httpx.post(api, json=started).raise_for_status().json()['id']}"
    stream = {"Accept": "text/event-stream"}
    with httpx.stream("GET", f"{address}/events", headers=stream, timeout=60) as events:
        next(line for line in events.iter_lines() if '"type":"debate_end"' in line)
    log = httpx.get(f"{address}/events?limit=500").raise_for_status().json()
    return {"debate": httpx.get(address).raise_for_status().json(), **log}


@pytest.fixture
def page(page: Page, server: Server) -> Page:
    """A page of the server, from which modules can be imported."""
    page.goto(f"{server.url}/about/")
    return page


def snapshot_at(record: dict[str, Any], seq: int) -> dict[str, Any]:
    """The snapshot that the server would have given after `seq`, but for the debate object."""
    logged = [
        LoggedEvent(e["seq"], e["type"], e["data"], e["timestamp"], e["round"], e["agent"])
        for e in record["events"]
    ]
    return {
        "debate": record["debate"] | {"status": "pending", "usage": {"tokens": 0, "cost_usd": 0}},
        "transcript": fold(record["debate"]["agents"], logged[:seq]),
        "queue_position": None,
        "seq": seq,
        "epoch": record["epoch"],
    }


def test_a_snapshot_and_the_events_after_it_make_the_whole(
    page: Page, record: dict[str, Any]
) -> None:
    frames = record["events"]
    whole = snapshot_at(record, len(frames))["transcript"]
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    for seq in range(len(frames)):
        outcome = page.evaluate(
            FOLD, {"snapshot": snapshot_at(record, seq), "frames": frames[seq:]}
        )
        assert outcome["state"]["transcript"] == whole
        assert outcome["state"]["debate"]["status"] == "completed"
        assert outcome["state"]["debate"]["usage"] == {"tokens": 0, "cost_usd": 0}


@pytest.mark.parametrize("seed", range(8))
def test_doubled_and_disordered_frames_change_nothing_that_is_right(
    page: Page, record: dict[str, Any], seed: int
) -> None:
    """Whatever is dropped or doubled, asking again after a gap ends in the same state."""
    chance = random.Random(seed)
    frames = record["events"]
    noisy = [frame for frame in frames for _ in range(chance.choice((0, 1, 1, 2)))]
    for _ in range(len(noisy) // 4):
        first, second = chance.randrange(len(noisy)), chance.randrange(len(noisy))
        noisy[first], noisy[second] = noisy[second], noisy[first]
    outcome = page.evaluate(FOLD, {"snapshot": snapshot_at(record, 0), "frames": [*noisy, *frames]})
    assert outcome["state"]["transcript"] == snapshot_at(record, len(frames))["transcript"]


def test_a_place_in_the_queue_moves_up(page: Page, record: dict[str, Any]) -> None:
    place = {"queue_position": 2, "estimated_wait_seconds": 40}
    frame = {"type": "queue_position", "data": place, "epoch": record["epoch"]}
    told = {"snapshot": snapshot_at(record, 1), "frames": [frame]}
    state = page.evaluate(FOLD, told)["state"]
    assert {name: state[name] for name in place} == place
    # A debate that has begun has no place, whatever comes late.
    begun = snapshot_at(record, 1)
    begun["debate"]["status"] = "running"
    state = page.evaluate(FOLD, {"snapshot": begun, "frames": [frame]})["state"]
    assert state["queue_position"] is None


def test_another_epoch_is_a_gap(page: Page, record: dict[str, Any]) -> None:
    foreign = [{**record["events"][0], "epoch": "another"}]
    outcome = page.evaluate(FOLD, {"snapshot": snapshot_at(record, 0), "frames": foreign})
    assert outcome["gaps"] == 1


def test_a_sync_replaces_everything(page: Page, record: dict[str, Any]) -> None:
    whole = snapshot_at(record, len(record["events"]))
    sync = {"type": "sync", "seq": whole["seq"], "data": {"snapshot": whole}}
    outcome = page.evaluate(FOLD, {"snapshot": snapshot_at(record, 1), "frames": [sync]})
    assert outcome["state"]["transcript"] == whole["transcript"]
    assert outcome["state"]["seq"] == whole["seq"]


def delta(offset: int, text: str) -> dict[str, Any]:
    data = {"agent": "ada", "turn_id": "0:draft:ada", "offset": offset, "text": text}
    return {"type": "token_delta", "data": data}


@pytest.mark.parametrize(
    ("deltas", "heard"),
    [
        ([delta(0, "One "), delta(4, "two")], "One two"),
        ([delta(0, "One "), delta(0, "One "), delta(4, "two")], "One two"),
        ([delta(0, "One "), delta(2, "e two")], "One two"),
        ([delta(4, "two"), delta(7, " three")], "… two three"),
        ([delta(0, "🦉 "), delta(2, "owl")], "🦉 owl"),
        ([delta(0, "One "), delta(8, "three")], "One … three"),
    ],
)
def test_words_join_by_their_offset(
    page: Page, record: dict[str, Any], deltas: list[dict[str, Any]], heard: str
) -> None:
    outcome = page.evaluate(FOLD, {"snapshot": snapshot_at(record, 1), "frames": deltas})
    turn = outcome["state"]["speaking"]["0:draft:ada"]
    assert turn["text"] == heard
    assert (turn["round"], turn["phase"]) == (0, "draft")


RENDER = """
async (text) => {
    const { renderMarkdown } = await import("/static/js/markdown.js");
    const box = document.createElement("div");
    box.append(...renderMarkdown(text));
    document.body.append(box);
    const elements = [...box.querySelectorAll("*")];
    const found = {
        html: box.innerHTML,
        tags: elements.map((element) => element.localName),
        attributes: elements.flatMap((element) => [...element.attributes].map((a) => a.name)),
        links: elements.filter((e) => e.localName === "a").map((e) => e.protocol),
    };
    box.remove();
    return found;
}
"""


@pytest.mark.parametrize("text", ATTACKS)
def test_markdown_of_the_page_does_no_harm(page: Page, text: str) -> None:
    found = page.evaluate(RENDER, text)
    assert not {"script", "iframe", "img", "svg", "style"} & set(found["tags"])
    assert set(found["attributes"]) <= {"href", "rel"}
    assert set(found["links"]) <= {"http:", "https:", "mailto:"}


def test_markdown_of_the_page_is_rendered(page: Page) -> None:
    text = (
        "# Head\n\nA **strong** and *soft* `word`,\n[a link](https://ok.example).\n\n"
        "- one\n- two\n\n1. first\n2. second\n\n> quoted\n\n"
        "```\ncode <b>\n```\n\n2 * 3 * 4 snake_case_name"
    )
    html = page.evaluate(RENDER, text)["html"]
    assert "<h4>Head</h4>" in html
    assert "<strong>strong</strong>" in html
    assert "<em>soft</em>" in html
    assert "<code>word</code>" in html
    assert '<a href="https://ok.example" rel="nofollow noopener noreferrer">a link</a>' in html
    assert "<ul><li>one</li><li>two</li></ul>" in html
    assert "<ol><li>first</li><li>second</li></ol>" in html
    assert "<blockquote><p>quoted</p></blockquote>" in html
    assert "<pre><code>code &lt;b&gt;</code></pre>" in html
    assert "2 * 3 * 4 snake_case_name" in html


EVIDENCE = """
async (evidence) => {
    const { Renderer } = await import("/static/js/render.js");
    const renderer = new Renderer({ debate: { panel: [] } }, {});
    const said = { answer: "Build it", rationale: "The figures [1].", confidence: 0.7, evidence };
    const made = renderer.position(said);
    return [...made.querySelectorAll("summary, li, p.muted")].map((told) => told.textContent);
}
"""


def test_evidence_without_words_is_not_folded(page: Page, server: Server) -> None:
    """As the server tells it (`tests/web/test_citations.py`)."""
    page.goto(server.url)
    told = page.evaluate(EVIDENCE, ["[1]", "[2]", " [2], [3]. "])
    assert told == ["Rests on [2], [3]"]
    told = page.evaluate(EVIDENCE, ["[1]", "[2] The bus did not."])
    assert told == ["1 piece of evidence", "[2] The bus did not."]


SETTLED = """
async (settled) => {
    const { Renderer } = await import("/static/js/render.js");
    const renderer = new Renderer({ debate: { panel: [] } }, {});
    const notes = [{ type: "memory_recall", data: { entries: [], settled } }];
    const [section] = renderer.recall({ notes });
    const link = (told) => told.querySelector("a").pathname;
    return [...section.querySelectorAll("p")].map((told) => [told.textContent, link(told)]);
}
"""


def test_an_answer_that_several_debates_came_to_is_told_once(page: Page, server: Server) -> None:
    """As the server tells it (`tests/web/test_citations.py`)."""
    debates = [("b", 2, "Yes."), ("c", 3, "Yes."), ("n", 4, "No."), ("a", 1, "Yes.")]
    settled = [
        {
            "slug": slug,
            "question": "Build it?",
            "answer": answer,
            "completed_at": f"2026-03-0{day}T12:00:00.000000Z",
            "by_language_models": answer == "Yes.",
        }
        for slug, day, answer in debates
    ]
    page.goto(server.url)
    told, before = page.evaluate(SETTLED, settled), "This question was settled before"
    assert told == [
        [
            f"{before}, in 3 debates, last on 3 March 2026: Build it? came to “Yes.”. Build on it",
            "/debates/c/",
        ],
        [
            f"{before} on 4 March 2026: Build it? came to “No.”, by extractive agents, not "
            "language models. Build on it",
            "/debates/n/",
        ],
    ]
