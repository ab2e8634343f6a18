"""A citation leads to the document that it names."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from debates.choices import DebateStatus, EventType
from debates.engine.types import StopReason
from debates.models import Document
from debates.services.documents import CORPUS_SOURCE
from debates.web.markdown import render_markdown
from tests.exports.conftest import caller, export
from tests.factories import make_debate, make_document, make_model_spec
from tests.web.records import Record, hold_first_rounds, make_verdict
from tests.web.test_debate_page import read

pytestmark = pytest.mark.django_db

CITING = "“Fares are a tenth of the cost.” [106]"


@pytest.fixture
def corpus() -> None:
    for number, title, text in (
        (106, "Free public transport", "Fares are a **tenth** of the cost."),
        (107, "The clock change", "Clocks change twice a year."),
    ):
        document = make_document(text, number=number, title=title)
        Document.objects.filter(pk=document.pk).update(source=CORPUS_SOURCE)


def page_of(client: Client, slug: str) -> str:
    return client.get(f"/debates/{slug}/").content.decode()


@pytest.mark.usefixtures("corpus")
def test_texts_of_the_corpus_that_are_cited_stand_on_the_page(client: Client) -> None:
    debate = make_debate()
    hold_first_rounds(debate, proposals=[("ada", CITING)])
    page = page_of(client, debate.slug)
    assert '<a href="#document-106">[106]</a>' in page
    assert 'id="document-106"' in page
    assert "Free public transport" in page
    assert "Fares are a <strong>tenth</strong> of the cost." in page
    assert "Extractive agents argue from the short texts" in page


@pytest.mark.parametrize(
    ("title", "source", "is_markdown"),
    [
        ("The tram", "Notes.MD", True),
        ("notes.markdown", "", True),
        ("The tram", "notes.txt", False),
        ("The tram", "", False),
    ],
)
def test_documents_are_set_as_what_they_are(
    client: Client, title: str, source: str, is_markdown: bool
) -> None:
    debate = make_debate(
        documents=["## In favour\n\n2 * 3 * 4 [1] <script>x</script>\n\n## Against"]
    )
    debate.documents.update(title=title, source=source)
    hold_first_rounds(debate, proposals=[("ada", "Yes [1].")])
    page, file = page_of(client, debate.slug), export(caller(), debate, "html")
    for shown in (page, file):
        assert ("<h3>In favour</h3>" in shown) is is_markdown
        assert ("<h3>Against</h3>" in shown) is is_markdown
        assert ("<p>## In favour</p>" in shown) is not is_markdown
        assert "2 * 3 * 4 [1] &lt;script&gt;x" in shown


def test_markdown_is_bounded_by_what_it_would_cost(client: Client) -> None:
    wide = f"|{'a|' * 60}\n|{'-|' * 60}\n" + "|\n" * 9000
    debate = make_debate(documents=[wide, *["*x* " * 4900] * 6])
    debate.documents.update(source="notes.md")
    page = page_of(client, debate.slug)
    assert "<table>" not in page
    assert [page.count(found) for found in ("<em>x</em>", "*x*")] == [5 * 4900, 4900]


@pytest.mark.usefixtures("corpus")
def test_what_nobody_cited_is_left_out_when_the_debate_is_over(client: Client) -> None:
    debate = make_debate()
    record = hold_first_rounds(debate, proposals=[("ada", CITING)])
    live = page_of(client, debate.slug)
    assert '<li value="107" hidden>' in live
    assert '<li value="106">' in live
    record.decide(make_verdict())
    record.end(DebateStatus.COMPLETED, StopReason.STABLE)
    assert "clock change" not in page_of(client, debate.slug)


@pytest.mark.usefixtures("corpus")
def test_models_without_documents_have_no_corpus(client: Client) -> None:
    debate = make_debate(panel=[make_model_spec("ada"), make_model_spec("ben")])
    hold_first_rounds(debate, proposals=[("ada", CITING)])
    text = read(client, debate)
    assert "No documents of its own." in text
    assert "Extractive agents" not in text
    assert "#document-106" not in page_of(client, debate.slug)


@pytest.mark.usefixtures("corpus")
def test_own_documents_come_with_their_text_and_a_name_only_once(client: Client) -> None:
    debate = make_debate()
    document = make_document("The tram cut traffic.", debate=debate, title="notes.txt")
    document.source = "notes.txt"
    document.save()
    hold_first_rounds(debate, proposals=[("ada", "It works [1], not [106].")])
    page = page_of(client, debate.slug)
    assert '<a href="#document-1">[1]</a>, not [106].' in page
    assert "The tram cut traffic." in page
    assert read(client, debate).count("notes.txt") == 1


def test_evidence_without_words_is_not_folded(client: Client) -> None:
    debate = make_debate(documents=["The tram cut traffic.", "The bus did not.", "Fares fell."])
    record = Record(debate)
    record.begin()
    record.begin_round(0)
    record.propose("ada", "Build it", "The figures [1].", evidence=["[1]", "[2]", " [2], [3]. "])
    text = read(client, debate)
    assert "of evidence" not in text
    assert re.search(r"Rests on \[2\] ?, \[3\] Says it is", text)
    assert 'Rests on <a href="#document-2">[2]</a>' in page_of(client, debate.slug)
    for form in ("txt", "md", "html"):
        file = export(caller(), debate, form)
        assert "Rests on" in file
        assert "vidence" not in re.sub("<style>.*</style>", "", file, flags=re.DOTALL)
    record.propose("ben", "No", "The figures [1].", evidence=["[1]", "[2] The bus did not."])
    text = read(client, debate)
    assert "1 piece of evidence [2] The bus did not. Says it is" in text
    assert text.count("Rests on") == 1


def test_a_citation_of_what_was_recalled_leads_to_it(client: Client) -> None:
    debate = make_debate()
    recalled: dict[str, Any] = dict.fromkeys(("tier", "slug", "debate_id", "created_at"), "")
    recalled |= {"id": 1, "label": "M1", "kind": "decision", "why": "close", "content": "Build it."}
    recall = {"entries": [{**recalled, "importance": 1.0, "score": 1.0}], "settled": []}
    Record(debate).add(EventType.MEMORY_RECALL, recall)
    hold_first_rounds(debate, proposals=[("ada", "It was decided [M1], not so [M2].")])
    page = page_of(client, debate.slug)
    assert '<a href="#recalled-M1">[M1]</a>, not so [M2].' in page
    assert '<li id="recalled-M1">' in page


def test_an_answer_that_several_debates_came_to_is_told_once(client: Client) -> None:
    def settled(slug: str, day: int, answer: str = "Yes.") -> dict[str, Any]:
        moment = f"2026-03-{day:02}T12:00:00.000000Z"
        told = {"debate_id": slug, "slug": slug, "question": "Build it?", "answer": answer}
        return {**told, "confidence": 0.9, "similarity": 1.0, "completed_at": moment}

    debate = make_debate()
    found = [settled("b", 2), settled("c", 3), settled("n", 4, "No."), settled("a", 1)]
    Record(debate).add(EventType.MEMORY_RECALL, {"entries": [], "settled": found})
    text, page = read(client, debate), page_of(client, debate.slug)
    assert "settled before, in 3 debates, last on 3 March 2026 : Build it? came to “Yes.”." in text
    assert "settled before on 4 March 2026 : Build it? came to “No.”." in text
    assert text.count("settled before") == 2
    assert 'href="/debates/c/"' in page
    assert 'href="/debates/a/"' not in page


def test_a_recalled_answer_of_extractive_agents_is_labelled(client: Client) -> None:
    """Logs from before it was told say nothing of who answered."""
    told = {"debate_id": "a", "slug": "a", "question": "Build it?", "similarity": 1.0}
    told |= {"confidence": 0.9, "completed_at": ""}
    debate = make_debate()
    found = [
        {**told, "answer": "Yes.", "by_language_models": False},
        {**told, "answer": "No.", "by_language_models": True},
        {**told, "answer": "Later."},
    ]
    Record(debate).add(EventType.MEMORY_RECALL, {"entries": [], "settled": found})
    text = read(client, debate)
    assert "came to “Yes.”, by extractive agents, not language models." in text
    assert "came to “No.”." in text
    assert "came to “Later.”." in text


def test_citations_in_prose_are_links_but_not_within_code_or_links() -> None:
    html = render_markdown("See **[1]**, `[1]` and [the [1] text](https://ok.example). [2]", {1})
    assert '<strong><a href="#document-1"' in html
    assert "<code>[1]</code>" in html
    assert html.count("#document-1") == 1
    assert "[2]" in html


def test_a_citation_cannot_carry_markup() -> None:
    html = render_markdown("<script>[1]</script>", {1})
    assert "<script" not in html
