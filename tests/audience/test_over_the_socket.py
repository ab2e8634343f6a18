"""Votes and suggestions on a socket: an ack when it is done, a warning when it is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from pytest_django.fixtures import Settings

from debates.choices import DebateStatus, Visibility
from debates.engine.positions import candidate_id
from debates.models import AudienceVote, Debate, Suggestion
from debates.streaming.events import PAYLOADS
from debates.visitors import COOKIE
from tests.factories import make_user
from tests.support.audience import make_standing
from tests.support.schemas import faults
from tests.support.streams import Frame, Reader, StreamServer, reader


@pytest.fixture
def stream(transactional_db: None) -> Iterator[StreamServer]:
    with StreamServer() as server:
        yield server


@pytest.fixture
def debate(transactional_db: None) -> Debate:
    return make_standing()


def signed_in(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}


def visiting(name: str) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={signing.Signer(salt='debates.visitors').sign(name)}"}


def vote(client: Reader, debate: Debate, choice: Any = "Yes", intensity: Any = 7) -> None:
    payload = {"choice": choice, "intensity": intensity}
    client.send("user_vote", debate_id=str(debate.pk), payload=payload)


def suggest(client: Reader, debate: Debate, text: Any) -> None:
    client.send("user_suggestion", debate_id=str(debate.pk), payload={"suggestion": text})


def answer_of(client: Reader) -> Frame:
    return client.until(lambda frame: frame["type"] in ("ack", "warning"))


def test_a_vote_is_acknowledged_and_everybody_hears_of_it(
    stream: StreamServer, debate: Debate, alice: User
) -> None:
    with (
        reader(stream, debate.pk) as listener,
        reader(stream, headers=signed_in(alice)) as voter,
    ):
        listener.until("replay_end")
        vote(voter, debate)
        ack = answer_of(voter)
        assert (ack["type"], ack["data"]["type"]) == ("ack", "user_vote")
        assert ack["debate_id"] == ack["data"]["debate_id"] == str(debate.pk)
        heard = listener.until("user_vote")
        assert heard["seq"] == 1
        assert heard["data"]["tally"]["voters"] == 1
        assert not list(faults(heard["data"], PAYLOADS["user_vote"]))
        assert not list(faults(ack["data"], PAYLOADS["ack"]))
    assert AudienceVote.objects.get().person == f"user:{alice.pk}"


def test_a_suggestion_is_acknowledged_also_when_it_was_made_before(
    stream: StreamServer, debate: Debate
) -> None:
    with reader(stream, debate.pk) as client:
        client.until("replay_end")
        suggest(client, debate, "Ask the bus drivers.")
        heard = client.until("audience_suggestion")
        assert heard["data"]["content"] == "Ask the bus drivers."
        assert not list(faults(heard["data"], PAYLOADS["audience_suggestion"]))
        suggest(client, debate, "ask the bus drivers")
        client.send("ping")
        client.until("pong")
        acks = [frame for frame in client.frames if frame["type"] == "ack"]
        assert [ack["data"]["type"] for ack in acks] == ["user_suggestion"] * 2
        assert client.seqs == [1]
    assert Suggestion.objects.count() == 1


def test_a_debate_goes_by_its_slug_too(stream: StreamServer, debate: Debate) -> None:
    with reader(stream) as client:
        payload = {"choice": candidate_id("No")}
        client.send("user_vote", debate_id=debate.slug, payload=payload)
        assert answer_of(client)["data"] == {"debate_id": str(debate.pk), "type": "user_vote"}
    assert AudienceVote.objects.get().intensity == 5


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "user_vote"}, "invalid_message"),
        ({"type": "user_vote", "payload": []}, "invalid_message"),
        ({"type": "user_vote", "payload": {"choice": 7}}, "invalid_message"),
        ({"type": "user_vote", "payload": {"choice": "Yes", "intensity": "9"}}, "invalid_message"),
        ({"type": "user_vote", "payload": {"choice": "Yes", "intensity": True}}, "invalid_message"),
        ({"type": "user_vote", "payload": {"choice": "Yes", "intensity": 5.5}}, "invalid_message"),
        ({"type": "user_vote", "payload": {"choice": "Yes", "intensity": 11}}, "invalid_input"),
        ({"type": "user_vote", "payload": {"choice": "Perhaps"}}, "invalid_input"),
        ({"type": "user_vote", "payload": {"choice": "\ud800"}}, "invalid_input"),
        ({"type": "user_suggestion", "payload": {"text": "?"}}, "invalid_message"),
        ({"type": "user_suggestion", "payload": {"suggestion": ""}}, "invalid_input"),
        ({"type": "user_suggestion", "payload": {"suggestion": "x" * 501}}, "invalid_input"),
    ],
)
def test_what_cannot_be_done_is_answered_with_a_warning(
    stream: StreamServer, debate: Debate, frame: dict[str, Any], code: str
) -> None:
    with reader(stream) as client:
        client.send(debate_id=str(debate.pk), **frame)
        warning = answer_of(client)
        assert (warning["type"], warning["data"]["code"]) == ("warning", code)
        assert warning["data"]["message"]
        assert not list(faults(warning["data"], PAYLOADS["warning"]))
        client.send("ping")
        client.until("pong")
    debate.refresh_from_db()
    assert debate.last_seq == 0


def test_a_frame_without_a_debate_is_answered_with_a_warning(stream: StreamServer) -> None:
    with reader(stream) as client:
        client.send("user_vote", payload={"choice": "Yes"})
        assert answer_of(client)["data"]["code"] == "invalid_message"
        client.send("user_vote", debate_id="none", payload={"choice": "Yes"})
        assert answer_of(client)["data"]["code"] == "not_found"


def test_a_stranger_cannot_speak_in_a_private_debate(
    stream: StreamServer, alice: User, charlie: User
) -> None:
    private = make_standing(owner=alice, visibility=Visibility.PRIVATE)
    for headers in (signed_in(charlie), signed_in(make_user("bob")), None):
        with reader(stream, headers=headers) as client:
            vote(client, private)
            assert answer_of(client)["data"]["code"] == "not_found"
            suggest(client, private, "Let me in.")
            assert answer_of(client)["data"]["code"] == "not_found"
    assert not AudienceVote.objects.exists()
    assert not Suggestion.objects.exists()
    with reader(stream, headers=signed_in(alice)) as client:
        vote(client, private)
        assert answer_of(client)["type"] == "ack"


def test_a_debate_that_is_over_is_answered_with_a_warning(stream: StreamServer) -> None:
    over = make_standing(status=DebateStatus.CANCELLED)
    with reader(stream) as client:
        vote(client, over)
        assert answer_of(client)["data"]["code"] == "state_forbids"


def test_a_person_is_one_on_however_many_sockets(
    stream: StreamServer, debate: Debate, alice: User
) -> None:
    for headers in (signed_in(alice), visiting("v1"), None):
        for choice in ("Yes", "No"):
            with reader(stream, headers=headers) as client:
                vote(client, debate, choice)
                assert answer_of(client)["type"] == "ack"
    votes = AudienceVote.objects.filter(debate=debate)
    assert {vote.answer for vote in votes} == {"No"}
    assert sorted(vote.person.split(":")[0] for vote in votes) == ["address", "user", "visitor"]


def test_a_cookie_that_somebody_made_up_is_nobodys(stream: StreamServer, debate: Debate) -> None:
    with reader(stream, headers={"Cookie": f"{COOKIE}=v1:AAAA"}) as client:
        vote(client, debate)
        assert answer_of(client)["type"] == "ack"
    assert AudienceVote.objects.get().person.startswith("address:")


def test_the_pace_holds_over_all_sockets_of_a_person(
    stream: StreamServer, debate: Debate, alice: User
) -> None:
    headers = signed_in(alice)
    with reader(stream, headers=headers) as one, reader(stream, headers=headers) as other:
        for intensity, client in enumerate((one, other, one, other, one), start=1):
            vote(client, debate, intensity=intensity)
            assert answer_of(client)["type"] == "ack"
        for client in (one, other):
            vote(client, debate, intensity=9)
            suggest(client, debate, "Hear me.")
            for _ in range(2):
                warning = answer_of(client)["data"]
                assert warning["code"] == "rate_limited"
                assert "wait" in warning["message"]
    assert AudienceVote.objects.get().intensity == 5
    assert not Suggestion.objects.exists()


def test_visitors_of_one_address_are_bounded(
    stream: StreamServer, debate: Debate, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, trusted_proxies=("127.0.0.1",))
    monkeypatch.setattr("debates.services.audience.MAX_VOTERS_PER_ADDRESS", 2)
    codes = []
    for name, address in (("v1", "203.0.113.7"), ("v2", "203.0.113.7"), ("v3", "203.0.113.7")):
        headers = {**visiting(name), "X-Forwarded-For": address}
        with reader(stream, headers=headers) as client:
            vote(client, debate)
            codes.append(answer_of(client)["data"].get("code", "done"))
    assert codes == ["done", "done", "not_allowed"]
    with reader(stream, headers={**visiting("v3"), "X-Forwarded-For": "203.0.113.8"}) as client:
        vote(client, debate)
        assert answer_of(client)["type"] == "ack"
    assert not AudienceVote.objects.filter(source__contains="203").exists()


def test_the_first_frame_tells_the_pace(stream: StreamServer) -> None:
    with reader(stream) as client:
        limits = client.next()["data"]["limits"]
    assert (limits["audience_messages_per_minute"], limits["audience_burst"]) == (10, 5)
