"""A debate goes from the queue to its verdict, and the log tells all of it."""

from __future__ import annotations

import pytest

from debates.choices import DebateStatus, EventType
from debates.engine.types import StopReason
from debates.mock_llm.server import Behaviour, ModelServer
from debates.models import Debate, DebateEvent, MatchResult, Round, Turn, UsageRecord
from debates.running.wake import wake
from debates.selectors import debate_object
from debates.streaming.events import EphemeralType
from tests.factories import make_debate, make_document, make_model_spec
from tests.support.debating import Ears, Worker, assert_whole, model_debate


def types_of(debate: Debate) -> list[str]:
    events = DebateEvent.objects.filter(debate=debate).order_by("seq")
    return list(events.values_list("type", flat=True))


def test_extractive_agents_reach_a_verdict(heard: Ears) -> None:
    debate = make_debate(documents=["The tram is worth it. The tram cut traffic by a tenth."])
    with Worker():
        debate = heard.wait_for_end(debate.pk)

    assert debate.status == DebateStatus.COMPLETED
    assert debate.verdict.detail["candidates"]
    assert debate.stop_reason
    assert_whole(debate)


def test_events_come_in_the_order_of_the_debate(heard: Ears, model_server: ModelServer) -> None:
    debate = model_debate(model_server)
    with Worker():
        debate = heard.wait_for_end(debate.pk)

    draft = ["debate_start", "round_start", "phase_change", *["propose"] * 3]
    closing = ["convergence", "round_end"]
    types = types_of(debate)
    assert types[: len(draft)] == draft
    exchanges = [one for one in types if one in ("critique", "revision")]
    assert types[len(draft) : len(draft) + 4] == [*closing, "round_start", "phase_change"]
    assert exchanges.count("revision") == 6
    assert exchanges.count("critique") > 0
    tail = ["vote", "vote", "vote", *closing, "consensus", "consensus_reached", "match_recorded"]
    assert types[-len(tail) - 1 :] == [*tail, "debate_end"]
    assert_whole(debate)


def test_every_turn_is_stored_with_what_it_used(heard: Ears, model_server: ModelServer) -> None:
    debate = model_debate(model_server)
    with Worker():
        debate = heard.wait_for_end(debate.pk)

    turns = Turn.objects.filter(debate=debate)
    assert turns.count() == len(model_server.requests) == 12
    assert all(turn.input_tokens and turn.output_tokens and turn.model for turn in turns)
    assert all(turn.duration_seconds > 0 for turn in turns)
    assert UsageRecord.objects.filter(debate=debate, estimated=False).count() == 12
    assert debate.stop_reason == StopReason.STABLE
    assert debate.active_seconds > 0
    assert debate.started_at is not None


def test_rounds_hold_their_figures(heard: Ears, model_server: ModelServer) -> None:
    debate = model_debate(model_server)
    with Worker():
        heard.wait_for_end(debate.pk)

    rounds = list(Round.objects.filter(debate=debate).order_by("number"))
    assert [one.number for one in rounds] == [0, 1, 2]
    assert [one.stability for one in rounds] == [None, pytest.approx(2 / 3), 1.0]
    assert [one.agreement for one in rounds] == [pytest.approx(2 / 3)] * 3
    assert all(one.ended_at and one.ended_at >= one.started_at for one in rounds)
    found = debate_object(Debate.objects.get(pk=debate.pk))
    assert found["rounds_used"] == 2
    assert found["phase"] == ""


def test_the_ranking_moves_with_the_verdict(heard: Ears, model_server: ModelServer) -> None:
    debate = model_debate(model_server)
    with Worker():
        heard.wait_for_end(debate.pk)
    won = set(MatchResult.objects.filter(won=True).values_list("agent", flat=True))
    assert won == set(Debate.objects.get(pk=debate.pk).verdict.winners)


def test_tokens_are_shown_while_an_agent_speaks(heard: Ears, model_server: ModelServer) -> None:
    debate = model_debate(model_server)
    with Worker():
        heard.wait_for_end(debate.pk)

    frames = [frame for frame in heard.of(debate.pk) if frame.data.get("turn_id") == "0:draft:ada"]
    kinds = [frame.type for frame in frames]
    assert kinds[0] == EphemeralType.TOKEN_START
    assert kinds[-2:] == [EphemeralType.TOKEN_END, EventType.PROPOSE]
    deltas = frames[1:-2]
    spoken = ""
    for frame in deltas:
        assert frame.data["offset"] == len(spoken)
        spoken += frame.data["text"]
    assert spoken == frames[-1].data["content"]
    assert frames[-2].data["length"] == len(spoken)


def test_ballots_and_progress_are_shown_too(heard: Ears, model_server: ModelServer) -> None:
    debate = model_debate(model_server)
    with Worker():
        heard.wait_for_end(debate.pk)
    thinking = heard.of(debate.pk, EphemeralType.AGENT_THINKING)
    assert {frame.data["phase"] for frame in thinking} == {"vote"}
    progress = heard.of(debate.pk, EphemeralType.PHASE_PROGRESS)
    assert {(frame.data["done"], frame.data["total"]) for frame in progress} == {
        (1, 3),
        (2, 3),
        (3, 3),
    }


def test_a_failed_agent_is_an_event_and_never_an_answer(
    heard: Ears, model_server: ModelServer
) -> None:
    model_server.script(Behaviour(status=400, model="ben-small"))
    debate = model_debate(model_server)
    with Worker():
        debate = heard.wait_for_end(debate.pk)

    errors = DebateEvent.objects.filter(debate=debate, type=EventType.AGENT_ERROR)
    assert [event.agent for event in errors] == ["ben"]
    turn = Turn.objects.get(debate=debate, agent="ben", round=0)
    assert (turn.failure_code, turn.reply, turn.text) == ("request_rejected", None, "")
    assert debate.status == DebateStatus.COMPLETED
    assert_whole(debate)


def test_below_the_quorum_a_debate_fails_with_a_reason(
    heard: Ears, model_server: ModelServer
) -> None:
    model_server.script(*[Behaviour(status=400)] * 2)
    debate = model_debate(model_server)
    with Worker():
        debate = heard.wait_for_end(debate.pk)

    assert debate.status == DebateStatus.FAILED
    assert debate.stop_reason == StopReason.QUORUM
    assert "2 must" in debate.failure
    assert types_of(debate)[-4:] == ["convergence", "round_end", "debate_failed", "debate_end"]
    assert_whole(debate)


def test_a_classic_debate_ends_with_a_vote(heard: Ears, model_server: ModelServer) -> None:
    debate = model_debate(model_server, protocol="classic", decision="unanimity", rounds=2)
    with Worker():
        debate = heard.wait_for_end(debate.pk)

    assert debate.status == DebateStatus.COMPLETED
    assert not debate.verdict.reached
    assert list(Round.objects.filter(debate=debate).values_list("number", flat=True)) == [1, 2]
    assert_whole(debate)


def test_a_judge_selects_from_outside_the_panel(heard: Ears, model_server: ModelServer) -> None:
    judge = make_model_spec(
        "judy", model="judy-large", base_url=model_server.openai_url, api_key_variable=""
    )
    debate = model_debate(model_server, judge=judge, decision="judge")
    with Worker():
        debate = heard.wait_for_end(debate.pk)

    votes = DebateEvent.objects.filter(debate=debate, type=EventType.VOTE)
    assert [event.agent for event in votes] == ["judy", "judy"]
    assert {event.data["choice"] for event in votes} == {"Yes"}
    assert debate.verdict.method == "judge"
    assert_whole(debate)


def test_text_that_no_database_holds_is_made_storable(
    heard: Ears, model_server: ModelServer
) -> None:
    answer = "REASONING: A \0 stands here.\nANSWER: Yes\nCONFIDENCE: 0.7"
    model_server.script(Behaviour(answer=answer, model="ada-large"))
    debate = model_debate(model_server)
    with Worker():
        debate = heard.wait_for_end(debate.pk)
    turn = Turn.objects.get(debate=debate, agent="ada", round=0)
    assert "\0" not in turn.text
    assert "\0" not in turn.reply["rationale"]
    assert_whole(debate)


def test_more_debates_than_places_wait_their_turn(heard: Ears, model_server: ModelServer) -> None:
    first, second, third = (model_debate(model_server) for _ in range(3))
    with Worker(limit=1):
        for debate in (first, second, third):
            heard.wait_for_end(debate.pk)
    marks = [
        (frame.debate_id, frame.type)
        for frame in heard.frames
        if frame.type in (EventType.DEBATE_START, EventType.DEBATE_END)
    ]
    assert marks == [
        (str(debate.pk), mark)
        for debate in (first, second, third)
        for mark in (EventType.DEBATE_START, EventType.DEBATE_END)
    ]


def test_a_debate_that_is_queued_later_is_found_at_once(
    heard: Ears, model_server: ModelServer
) -> None:
    with Worker():
        debate = model_debate(model_server)
        wake()
        heard.wait_for_end(debate.pk)


def test_documents_reach_the_agents(heard: Ears, model_server: ModelServer) -> None:
    debate = model_debate(model_server)
    make_document("The tram is green.", debate=debate)
    with Worker():
        heard.wait_for_end(debate.pk)
    assert all("The tram is green." in str(request.messages) for request in model_server.requests)
