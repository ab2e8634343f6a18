"""A debate in each of its states, as a browser without scripts shows it."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from django.test import Client

from debates.choices import DebateStatus, EventType
from debates.engine.types import DecisionMode, StopReason
from debates.models import Debate
from tests.factories import make_debate, make_model_spec, make_spec
from tests.web.records import BUILD, WAIT, Record, hold_debate, hold_first_rounds, make_verdict

pytestmark = pytest.mark.django_db


def read(client: Client, debate: Debate) -> str:
    """What a person reads: the main part as text, in one line, without what is hidden."""
    page = client.get(f"/debates/{debate.slug}/").content.decode()
    main = page[page.index("<main") : page.index("</main>")]
    main = re.sub(r"<(dialog|script)\b.*?</\1>", " ", main, flags=re.S)
    main = re.sub(r"<button[^>]*\shidden.*?</button>", " ", main, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main)))


def test_an_agent_that_is_named_like_its_model_is_named_once(client: Client) -> None:
    panel = [make_model_spec(name, model=model) for name, model in (("ada", "one"), ("two", "two"))]
    page = client.get(f"/debates/{make_debate(panel=panel).slug}/").content.decode()
    seats = re.findall(r'<b class="who">(.*?)<span class="doing"', page)
    assert [re.sub(r"<[^>]+>", "", seat).strip() for seat in seats] == ["ada one", "two"]


def test_one_that_is_not_started(client: Client) -> None:
    text = read(client, make_debate(status=DebateStatus.CREATED))
    assert "Not started" in text
    assert "Start" in text


def test_one_that_waits_says_its_place(client: Client) -> None:
    make_debate()
    text = read(client, make_debate("Second in line?"))
    assert "Second in line?" in text
    assert "Number 2 in the queue" in text


def test_one_that_is_about_to_begin(client: Client) -> None:
    debate = make_debate()
    Record(debate).begin()
    assert "The panel is being seated" in read(client, debate)


def test_one_that_runs_shows_what_was_said(client: Client) -> None:
    debate = make_debate(documents=["The tram cut traffic by a tenth."])
    hold_first_rounds(debate)
    text = read(client, debate)
    assert "Running" in text
    assert "Blind drafts" in text
    assert "Round 1" in text
    assert BUILD in text
    assert "Reasons of ada" in text
    assert "Says it is 70% sure" in text
    assert "1 piece of evidence" in text
    assert "Against ben severity 60%" in text
    assert "The cost of waiting is left out." in text
    assert "Kept its answer" in text
    assert "Changed its answer Faulty step: The bridge is not on the line." in text
    assert "No answer. No answer within 120 seconds." in text
    assert "2 votes" in text
    assert "It pays for itself." in text
    assert "Agreement 67%" in text
    assert "Stability 50%" in text
    assert "Document 1" in text


def test_an_unreasoned_change_is_marked(client: Client) -> None:
    debate = make_debate()
    hold_first_rounds(debate).revise("ben", BUILD, changed=True)
    assert "Changed its answer, naming no fault" in read(client, debate)


def test_agreement_and_stability_are_told_apart(client: Client) -> None:
    debate = make_debate()
    hold_first_rounds(debate)
    text = read(client, debate)
    first, second = text.split("Round 1", maxsplit=2)[-2:]
    assert "Stability" not in first.split("Blind drafts")[1].split("ada")[0]
    assert "Agreement 67% Stability 50%" in second


def test_one_that_is_paused(client: Client) -> None:
    debate = make_debate()
    record = hold_first_rounds(debate)
    paused = {"reason": "Somebody paused the debate."}
    record.add(EventType.DEBATE_PAUSED, paused, status=DebateStatus.PAUSED)
    text = read(client, debate)
    assert "Nothing is asked and nothing is spent until it is resumed." in text
    assert "Paused : Somebody paused the debate." in text
    assert BUILD in text


def test_one_that_failed_says_why_and_keeps_what_was_said(client: Client) -> None:
    debate = make_debate()
    record = hold_first_rounds(debate)
    failure = "Only 1 of 3 agents answered, and 2 are needed."
    record.end(DebateStatus.FAILED, StopReason.QUORUM, failure=failure)
    text = read(client, debate)
    assert f"The debate failed {failure} (No quorum)" in text
    assert BUILD in text
    assert "The verdict" not in text


def test_one_that_was_cancelled_keeps_what_was_said(client: Client) -> None:
    debate = make_debate()
    hold_first_rounds(debate).end(DebateStatus.CANCELLED, StopReason.CANCELLED)
    text = read(client, debate)
    assert "Somebody ended the debate before there was a verdict." in text
    assert BUILD in text


def test_a_verdict_comes_with_all_that_speaks_against_it(client: Client) -> None:
    debate = make_debate(input_tokens=1200, output_tokens=345, cost_usd="0.0123", active_seconds=75)
    hold_debate(debate)
    text = read(client, debate)
    assert f"The verdict, by majority {BUILD}" in text
    assert "Two of three votes are more than half." in text
    assert "Confidence 60%" in text
    assert "Behind it ada cleo" in text
    assert "Dissent ben" in text
    assert f"Against it {WAIT}" in text
    assert "The bridge closes the line for a year" in text
    assert "2 from ada, cleo" in text
    assert "1 from ben" in text
    assert "Stopped because Settled." in text
    assert "cleo in round 1" in text
    assert "Tokens 1,545" in text
    assert "Cost $0.012" in text
    assert "Time 1 min 15 s" in text
    assert "Hollow" not in text
    assert "Order of the answers" not in text


def test_a_tie_is_no_decision(client: Client) -> None:
    debate = make_debate()
    hold_debate(debate, verdict=make_verdict(reached=False))
    text = read(client, debate)
    assert "No decision, by majority The vote was tied." in text
    assert "Confidence" not in text
    assert "Behind it" not in text
    assert f"Where they stand {WAIT}" in text


def test_a_judge_s_selections_are_not_called_votes(client: Client) -> None:
    debate = make_debate()
    hold_debate(debate, verdict=replace(make_verdict(), method=DecisionMode.JUDGE))
    text = read(client, debate)
    assert "The verdict, by a judge" in text
    assert f"The judge, asked twice {BUILD} 2 of 2 selections" in text
    assert f"The panel, which did not decide {BUILD} 2 from ada, cleo {WAIT} 1 from ben" in text


def test_a_judge_s_readings_are_apart_from_the_ballots(client: Client) -> None:
    debate = make_debate(judge=make_spec("dora"))
    record = hold_first_rounds(debate)
    record.vote("dora", BUILD, "The figures hold.")
    record.vote("dora", BUILD, "They hold in this order too.")
    text = read(client, debate)
    panel, judge = text.split("The judge, asked twice")
    assert "dora" not in panel.split("Ballots")[1]
    assert f"{BUILD} Selected in both orders" in judge


def test_a_debate_without_a_rule_shows_its_positions_side_by_side(client: Client) -> None:
    debate = make_debate(decision="none")
    told = "No decision was asked for."
    verdict = replace(make_verdict(reached=False), method=DecisionMode.NONE, explanation=told)
    hold_debate(debate, verdict=verdict)
    text = read(client, debate)
    assert f"The positions, side by side {told}" in text
    assert "The vote was tied." not in text
    assert f"How many hold each {BUILD} 1 from ada, cleo" in text
    assert "verdict-none" not in client.get(f"/debates/{debate.slug}/").content.decode()
    assert "No decision was reached" not in client.get("/debates/").content.decode()


def test_the_winning_answer_comes_with_its_reason(client: Client) -> None:
    debate = make_debate()
    verdict = make_verdict()
    build, wait = verdict.candidates
    reasons = replace(build, rationale="It pays for **itself**. " * 60)
    hold_debate(debate, verdict=replace(verdict, candidates=(reasons, wait)))
    text = read(client, debate)
    assert text.index("For it It pays for") < text.index("Against it")
    shown = text[text.index("For it") : text.index("Against it")]
    assert shown.endswith("… ada ")
    assert len(shown) < 650


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (DecisionMode.BORDA, "The verdict, by Borda count"),
        (DecisionMode.CONFIDENCE_WEIGHTED, "The verdict, weighted by confidence"),
        (DecisionMode.INSTANT_RUNOFF, "The verdict, by instant runoff"),
    ],
)
def test_a_verdict_says_by_which_rule(client: Client, mode: DecisionMode, words: str) -> None:
    debate = make_debate()
    hold_debate(debate, verdict=replace(make_verdict(), method=mode))
    assert words in read(client, debate)


def test_who_abstained_is_named(client: Client) -> None:
    debate = make_debate()
    record = hold_debate(debate)
    assert "Abstained" not in read(client, debate)
    event = record.debate.events.get(type=EventType.CONSENSUS)
    event.data["verdict"]["abstained"] = ["ben"]
    event.save()
    assert "Abstained ben" in read(client, debate)


def test_a_hollow_majority_is_flagged(client: Client) -> None:
    debate = make_debate()
    hold_debate(debate, verdict=make_verdict(hollow=True))
    assert "What the panel thought when it was blind was kept." in read(client, debate)


@pytest.mark.parametrize(
    ("consistent", "words"),
    [(True, "Made no difference to the judge"), (False, "Changed the judge's choice")],
)
def test_a_judge_s_consistency_is_told(client: Client, consistent: bool, words: str) -> None:
    debate = make_debate(judge=make_spec("dora"))
    hold_debate(debate, verdict=replace(make_verdict(), order_consistent=consistent))
    text = read(client, debate)
    assert f"Order of the answers {words}" in text
    assert "dora judge, if one is needed" in text


def test_extractive_agents_are_never_called_models(client: Client) -> None:
    debate = make_debate(panel=[make_spec("ada"), make_model_spec("gpt", model="gpt-6-mini")])
    text = read(client, debate)
    assert "ada Extractive, not a language model" in text
    assert "gpt gpt-6-mini" in text


def test_a_debate_is_found_by_its_id_too(client: Client) -> None:
    debate = make_debate("By its id?")
    assert "By its id?" in client.get(f"/debates/{debate.pk}/").content.decode()


def test_a_page_of_a_debate_that_is_over_does_not_follow_it(client: Client) -> None:
    debate = make_debate()
    assert "debate-live" in client.get(f"/debates/{debate.slug}/").content.decode()
    hold_debate(debate)
    assert "debate-live" not in client.get(f"/debates/{debate.slug}/").content.decode()


def test_the_page_takes_few_queries_however_long_the_debate(
    client: Client, django_assert_max_num_queries: object
) -> None:
    debate = make_debate(documents=["a", "b"])
    hold_debate(debate)
    with django_assert_max_num_queries(7):  # type: ignore[operator]
        client.get(f"/debates/{debate.slug}/")


def test_without_scripts_the_page_follows_until_the_debate_is_over(client: Client) -> None:
    debate = make_debate()
    reload = '<noscript><meta http-equiv="refresh" content="5"></noscript>'
    assert reload in client.get(f"/debates/{debate.slug}/").content.decode()
    assert "every five seconds" in read(client, debate)
    hold_debate(debate)
    assert "http-equiv" not in client.get(f"/debates/{debate.slug}/").content.decode()


def test_without_scripts_one_that_nobody_started_stands_still(client: Client) -> None:
    debate = make_debate(status=DebateStatus.CREATED)
    assert "http-equiv" not in client.get(f"/debates/{debate.slug}/").content.decode()
