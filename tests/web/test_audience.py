"""The audience on the page: votes beside the panel's, suggestions to it, by whoever may read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from debates.choices import Visibility
from debates.engine import codec
from debates.engine.positions import candidate_id
from debates.engine.types import CallKey, Phase, Position
from debates.models import AudienceVote, Debate, Suggestion, Turn
from debates.selectors.audience import AUDIENCE
from debates.services.audience import PACE, paces
from tests.factories import make_debate
from tests.web.records import BUILD, WAIT, Record, hold_debate

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]


@pytest.fixture(autouse=True)
def fresh_paces() -> None:
    """The pace of a person is kept by the process; tests share one."""
    paces.forget()


@pytest.fixture
def debate() -> Debate:
    """One in which ada and ben have answered."""
    return with_answers(make_debate("Should the town build the tram?"))


def with_answers(debate: Debate) -> Debate:
    record = Record(debate)
    record.begin()
    record.begin_round(0)
    for index, (agent, answer) in enumerate((("ada", BUILD), ("ben", WAIT))):
        key = CallKey(0, Phase.DRAFT, agent)
        Turn.objects.create(
            debate=debate,
            index=index,
            round=key.round,
            phase=key.phase,
            agent=agent,
            text=answer,
            reply=codec.encode_reply(Position(answer, "Because.", 0.7)),
        )
        record.propose(agent, answer, candidate=candidate_id(answer))
    return debate


def send(client: Client, debate: Debate, *, status: int = 200, **fields: str) -> str:
    response = client.post(f"/debates/{debate.slug}/audience/", fields, follow=True)
    assert response.status_code == status
    return response.content.decode()


def test_the_standing_answers_can_be_voted_for(client: Client, debate: Debate) -> None:
    page = client.get(f"/debates/{debate.slug}/").content.decode()
    assert f'value="{candidate_id(BUILD)}"' in page
    assert "0 votes" in page
    page = send(client, debate, action="vote", choice=candidate_id(BUILD), intensity="9")
    assert "Your vote counts for" in page
    assert "1 vote<" in page
    assert f'value="{candidate_id(BUILD)}" required checked' in page
    assert AudienceVote.objects.get().intensity == 9


def test_a_person_has_one_vote_and_the_last_one_counts(client: Client, debate: Debate) -> None:
    client.get(f"/debates/{debate.slug}/")
    send(client, debate, action="vote", choice=candidate_id(BUILD), intensity="9")
    send(client, debate, action="vote", choice=candidate_id(WAIT), intensity="2")
    assert AudienceVote.objects.get().candidate == candidate_id(WAIT)


def test_two_browsers_are_two_people(sign_in: Browser, debate: Debate) -> None:
    for browser in (sign_in(None), sign_in(None)):
        browser.get(f"/debates/{debate.slug}/")
        send(browser, debate, action="vote", choice=candidate_id(BUILD), intensity="5")
    assert AudienceVote.objects.count() == 2


def test_a_suggestion_is_kept_and_shown(client: Client, debate: Debate) -> None:
    page = send(client, debate, action="suggest", suggestion="What about <b>buses</b>?")
    assert "The panel hears it in its next exchange." in page
    assert "A suggestion from the audience" in page
    assert "What about &lt;b&gt;buses&lt;/b&gt;?" in page
    assert Suggestion.objects.get().text == "What about <b>buses</b>?"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"action": "vote", "choice": "c9", "intensity": "5"}, "No agent stands behind that."),
        ({"action": "vote", "choice": candidate_id(BUILD), "intensity": "11"}, "from 1 to 10"),
        ({"action": "vote", "choice": candidate_id(BUILD), "intensity": "much"}, "from 1 to 10"),
        ({"action": "vote", "choice": candidate_id(BUILD), "intensity": "9" * 9999}, "from 1 to"),
        ({"action": "suggest", "suggestion": " "}, "Say what the panel should consider."),
        ({"action": "suggest", "suggestion": "x" * 501}, "Use at most 500 characters"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(
    client: Client, debate: Debate, fields: dict[str, str], message: str
) -> None:
    assert message in send(client, debate, status=400, **fields)
    assert not AudienceVote.objects.exists()
    assert not Suggestion.objects.exists()


def test_whoever_is_too_fast_keeps_what_they_wrote(client: Client, debate: Debate) -> None:
    client.get(f"/debates/{debate.slug}/")
    for number in range(int(PACE.burst)):
        send(client, debate, action="suggest", suggestion=f"Idea {number}")
    page = send(client, debate, action="suggest", suggestion="One idea too many", status=429)
    assert "wait" in page
    assert "One idea too many</textarea>" in page


def test_a_stranger_has_no_voice_in_a_private_debate(
    sign_in: Browser, alice: User, charlie: User
) -> None:
    debate = with_answers(make_debate(owner=alice, visibility=Visibility.PRIVATE))
    vote = {"action": "vote", "choice": candidate_id(BUILD), "intensity": "5"}
    for stranger in (charlie, None):
        response = sign_in(stranger).post(f"/debates/{debate.slug}/audience/", vote)
        assert response.status_code == 404
    assert not AudienceVote.objects.exists()


def test_a_debate_that_is_over_hears_nobody(client: Client) -> None:
    debate = make_debate()
    hold_debate(debate)
    assert "data-audience" not in client.get(f"/debates/{debate.slug}/").content.decode()
    assert "the audience is heard until then" in send(
        client, debate, action="suggest", suggestion="x", status=409
    )


def test_before_the_first_answer_there_is_nothing_to_vote_on_but_something_to_suggest(
    client: Client,
) -> None:
    debate = make_debate()
    page = client.get(f"/debates/{debate.slug}/").content.decode()
    assert "data-voting hidden>" in page
    assert "data-suggesting>" in page
    send(client, debate, action="suggest", suggestion="What do the bus drivers say?")
    assert Suggestion.objects.get().debate == debate


def result(answer: str, **figures: float) -> dict[str, object]:
    """An answer in the audience's verdict."""
    return {"candidate": candidate_id(answer), "answer": answer, **figures}


def test_the_verdict_shows_the_audience_beside_the_panel(client: Client) -> None:
    debate = make_debate()
    hold_debate(debate)
    event = debate.events.get(type="consensus")
    event.data["verdict"][AUDIENCE] = {
        "weight": 0.0,
        "voters": 3,
        "candidates": [
            {"candidate": "c1", "answer": BUILD, "votes": 2, "mean_intensity": 7.5, "stands": True},
            {
                "candidate": "c3",
                "answer": "A ferry.",
                "votes": 1,
                "mean_intensity": 4.0,
                "stands": False,
            },
        ],
    }
    event.save()
    page = client.get(f"/debates/{debate.slug}/").content.decode()
    assert "The audience: 3 votes, shown beside the panel's" in page
    assert "strength 7.5 of 10" in page
    assert "A ferry. (left by the panel)" in page
