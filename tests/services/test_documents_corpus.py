"""The demo corpus is loaded once, kept up to date, and leaves other documents alone."""

from io import StringIO

import pytest
from django.core.management import call_command

from debates.models import Document
from debates.providers.extractive.corpus import CORPUS, EXAMPLE_QUESTIONS, corpus_documents
from debates.services.documents import CorpusLoad, load_demo_corpus
from tests.factories import make_debate, make_document

pytestmark = pytest.mark.django_db


def load_demo() -> str:
    output = StringIO()
    call_command("load_demo", stdout=output)
    return output.getvalue()


def test_the_command_loads_the_corpus_and_says_so() -> None:
    assert load_demo() == f"Demo corpus: {len(CORPUS)} added, 0 updated, 0 there already.\n"
    stored = Document.objects.filter(debate=None).values_list("number", "title", "text")
    assert list(stored.order_by("number")) == [(d.number, d.title, d.text) for d in CORPUS]


def test_a_second_load_changes_nothing() -> None:
    load_demo()
    before = list(Document.objects.values())
    assert load_demo() == ""
    assert list(Document.objects.values()) == before


def test_a_text_of_an_older_version_is_replaced_under_its_number() -> None:
    load_demo_corpus()
    old = Document.objects.get(debate=None, number=CORPUS[0].number)
    Document.objects.filter(pk=old.pk).update(text="Older.")
    assert load_demo_corpus() == CorpusLoad(updated=1, unchanged=len(CORPUS) - 1)
    old.refresh_from_db()
    assert old.text == CORPUS[0].text


def test_documents_of_debates_and_of_the_operator_stay() -> None:
    of_debate = make_document("Mine.", debate=make_debate(), number=CORPUS[0].number)
    of_operator = make_document("Ours.", number=1)
    load_demo_corpus()
    assert set(Document.objects.exclude(number__gte=101, debate=None)) == {of_debate, of_operator}


def test_the_corpus_is_short_distinct_and_stable() -> None:
    assert [document.number for document in CORPUS] == list(range(101, 101 + len(CORPUS)))
    assert CORPUS[0].title == "Monolith or microservices for a small team"
    assert len({document.title for document in CORPUS}) == len(CORPUS) >= 6
    assert all(250 <= len(document.text.split()) <= 500 for document in CORPUS)


def test_every_example_names_documents_of_the_corpus() -> None:
    assert len({example.question for example in EXAMPLE_QUESTIONS}) == len(EXAMPLE_QUESTIONS)
    for example in EXAMPLE_QUESTIONS:
        documents = corpus_documents(example.documents)
        assert [document.number for document in documents] == [1]
        assert {document.text for document in documents} <= {document.text for document in CORPUS}
