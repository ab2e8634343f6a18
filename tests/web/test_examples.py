"""An example starts with one click."""

from collections.abc import Callable

import pytest
from django.test import Client

from debates.models import Debate
from debates.providers.extractive.corpus import EXAMPLE_QUESTIONS
from tests.factories import make_model_agent


@pytest.mark.usefixtures("agents")
def test_the_start_page_offers_examples_as_buttons(client: Client) -> None:
    page = client.get("/").content.decode()
    assert EXAMPLE_QUESTIONS[0].question in page
    assert '<form id="example-0" method="post" action="/examples/0/">' in page


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize("number", range(len(EXAMPLE_QUESTIONS)))
def test_one_click_starts_the_debate_with_its_documents(client: Client, number: int) -> None:
    response = client.post(f"/examples/{number}/")
    debate = Debate.objects.get()
    assert response["Location"] == f"/debates/{debate.slug}/"
    assert debate.question == EXAMPLE_QUESTIONS[number].question
    assert debate.documents.count() == len(EXAMPLE_QUESTIONS[number].documents)


@pytest.mark.usefixtures("agents")
def test_an_example_never_asks_a_model_that_may_cost_money(client: Client) -> None:
    make_model_agent("gpt")
    make_model_agent("aaa")
    client.post("/examples/0/")
    assert [spec["provider"] for spec in Debate.objects.get().panel] == ["extractive"] * 3


@pytest.mark.usefixtures("agents")
def test_looking_starts_nothing(client: Client) -> None:
    assert client.get("/examples/0/").status_code == 405
    assert client.post("/examples/99/").status_code == 404
    assert not Debate.objects.exists()


def test_without_extractive_agents_the_page_says_so(client: Client, db: None) -> None:
    response = client.post("/examples/0/", follow=True)
    assert "Enable at least two agents" in response.content.decode()
    assert not Debate.objects.exists()


def test_whoever_has_to_sign_in_is_asked_to(
    client: Client, agents: list[str], configure: Callable[..., None]
) -> None:
    configure(allow_anonymous_debates=False)
    assert client.post("/examples/0/")["Location"].startswith("/sign-in/")
    assert not Debate.objects.exists()
