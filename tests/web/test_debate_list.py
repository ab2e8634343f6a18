"""The list of debates: search, filter, pages, and what it says when there is nothing."""

import pytest
from django.test import Client

from debates.choices import DebateStatus
from debates.engine.types import StopReason
from debates.web.views.catalogue import PAGE_SIZE
from tests.factories import make_debate
from tests.web.records import BUILD, hold_debate, hold_first_rounds, make_verdict

pytestmark = pytest.mark.django_db


def read(client: Client, query: str = "") -> str:
    response = client.get(f"/debates/{query}")
    assert response.status_code == 200
    return response.content.decode()


def test_an_empty_list_leads_to_the_first_debate(client: Client) -> None:
    page = read(client)
    assert "No debate yet." in page
    assert "Start a debate" in page


def test_each_debate_shows_its_outcome(client: Client) -> None:
    hold_debate(make_debate("Decided?"))
    hold_debate(make_debate("Tied?"), verdict=make_verdict(reached=False))
    hold_first_rounds(make_debate("Failed?")).end(DebateStatus.FAILED, StopReason.QUORUM)
    make_debate("Waiting?")
    page = read(client)
    assert BUILD in page
    assert "60%" in page
    assert "No decision was reached." in page
    assert "It failed before there was a verdict." in page
    assert "In the queue" in page


def test_a_search_finds_words_of_the_question(client: Client) -> None:
    make_debate("Should we build the tram?")
    make_debate("Is tea better than coffee?")
    page = read(client, "?q=tea+coffee")
    assert "tea better" in page
    assert "tram" not in page
    assert 'name="q" value="tea coffee"' in page


def test_a_search_without_a_hit_says_so(client: Client) -> None:
    make_debate()
    assert "Nothing matches." in read(client, "?q=zebra")


def test_a_status_narrows_the_list(client: Client) -> None:
    make_debate("Waiting?")
    make_debate("Done?", status=DebateStatus.COMPLETED)
    page = read(client, "?status=completed")
    assert "Done?" in page
    assert "Waiting?" not in page
    assert '<option value="completed" selected>' in page


def test_an_unknown_status_or_page_is_left_aside(client: Client) -> None:
    make_debate("Still there?")
    assert "Still there?" in read(client, "?status=asleep&page=banana")
    assert "Still there?" in read(client, "?page=99")


def test_pages_keep_the_search(client: Client) -> None:
    for number in range(PAGE_SIZE + 1):
        make_debate(f"Tram number {number}?")
    first = read(client, "?q=tram&status=pending")
    assert f"1 to {PAGE_SIZE} of {PAGE_SIZE + 1}" in first
    assert "?q=tram&amp;status=pending&amp;page=2" in first
    second = read(client, "?q=tram&status=pending&page=2")
    assert f"{PAGE_SIZE + 1} to {PAGE_SIZE + 1} of {PAGE_SIZE + 1}" in second
    assert 'rel="prev"' in second
    assert 'rel="next"' not in second


def test_the_list_takes_the_same_queries_however_long(
    client: Client, django_assert_max_num_queries: object
) -> None:
    for number in range(PAGE_SIZE):
        hold_debate(make_debate(f"Tram number {number}?"))
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        read(client)


@pytest.mark.parametrize("query", ["page=-1", "page=x", "page=²", "status=foo"])
def test_an_address_that_makes_no_sense_shows_the_newest(
    client: Client, db: None, query: str
) -> None:
    for number in range(21):
        make_debate(f"Question {number:02}?")
    page = client.get(f"/debates/?{query}").content.decode()
    assert "1 to 20 of 21" in page
    assert "status=foo" not in page


def test_the_icon_is_found_where_browsers_look_for_it(client: Client) -> None:
    assert client.get("/favicon.ico")["Location"].endswith("img/favicon.svg")
