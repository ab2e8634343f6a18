"""One vote a person and debate; the last one counts."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debates.choices import TERMINAL_STATUSES, DebateStatus, EventType, Visibility
from debates.engine.positions import candidate_id
from debates.exceptions import InvalidInput, NotAllowed, NotFound, StateForbids, TooFast
from debates.models import AudienceVote, Debate, DebateEvent
from debates.selectors.audience import audience_tally, standing_answers
from debates.services import audience
from debates.services.audience import CastVote
from debates.visitors import Person
from tests.factories import make_audience_vote, make_debate
from tests.support.audience import PATIENT, START, make_standing, person, revise, visitor

pytestmark = pytest.mark.django_db


def cast(
    debate: Debate, who: Person, choice: str = "Yes", intensity: int = 5, now: datetime = START
) -> CastVote:
    return audience.cast_vote(
        debate_id=debate.pk, person=who, choice=choice, intensity=intensity, now=now
    )


def votes_in_the_log(debate: Debate) -> list[DebateEvent]:
    rows = DebateEvent.objects.filter(debate=debate, type=EventType.USER_VOTE)
    return list(rows.order_by("seq"))


def test_a_vote_is_stored_and_told(debate: Debate, alice: User) -> None:
    vote = cast(debate, person(alice), "Yes", 8)

    row = AudienceVote.objects.get()
    assert (row.debate_id, row.person) == (debate.pk, f"user:{alice.pk}")
    assert row.candidate == candidate_id("Yes")
    assert (row.answer, row.intensity, row.created_at, row.source) == ("Yes", 8, START, "")
    [event] = votes_in_the_log(debate)
    assert event.data["candidate"] == vote.candidate == candidate_id("Yes")
    assert (event.data["choice"], event.data["intensity"]) == ("Yes", 8)
    assert event.data["tally"] == {
        "voters": 1,
        "candidates": [{"candidate": vote.candidate, "votes": 1, "mean_intensity": 8.0}],
    }


def test_the_log_does_not_say_who_voted(debate: Debate, alice: User) -> None:
    cast(debate, person(alice))
    elsewhere = make_standing()
    cast(elsewhere, person(alice))
    [here], [there] = votes_in_the_log(debate), votes_in_the_log(elsewhere)
    assert here.agent == ""
    assert here.data["user_id"] != there.data["user_id"]
    assert "alice" not in str(here.data)


@pytest.mark.parametrize("choice", ["Yes", "yes.", "**Yes**", "  YES ", candidate_id("Yes")])
def test_an_answer_is_known_however_it_is_put(debate: Debate, alice: User, choice: str) -> None:
    assert cast(debate, person(alice), choice).answer == "Yes"


@pytest.mark.parametrize(
    "choice", ["", "Perhaps", "ada", "c0000", "\0", "\ud800", "x" * 5000, candidate_id("Maybe")]
)
def test_what_nobody_says_cannot_be_voted_for(debate: Debate, alice: User, choice: str) -> None:
    with pytest.raises(InvalidInput) as wrong:
        cast(debate, person(alice), choice)
    assert wrong.value.fields[0][0] == "choice"
    assert not AudienceVote.objects.exists()
    assert not votes_in_the_log(debate)


def test_the_answers_that_stand_are_named(debate: Debate, alice: User) -> None:
    with pytest.raises(InvalidInput, match=r"“Yes”.*“No”"):
        cast(debate, person(alice), "Perhaps")


@pytest.mark.parametrize("intensity", [0, 11, -1, 10**30])
def test_intensity_is_from_1_to_10(debate: Debate, alice: User, intensity: int) -> None:
    with pytest.raises(InvalidInput) as wrong:
        cast(debate, person(alice), intensity=intensity)
    assert wrong.value.fields[0][0] == "intensity"
    assert not AudienceVote.objects.exists()


def test_an_answer_that_was_left_keeps_its_votes_but_gets_no_more(
    debate: Debate, alice: User, bob: User
) -> None:
    cast(debate, person(alice), "Yes")
    revise(debate, "ada", "No")
    assert [answer.answer for answer in standing_answers(debate)] == ["No"]
    with pytest.raises(InvalidInput):
        cast(debate, person(bob), "Yes")
    assert [row["candidate"] for row in audience_tally(debate.pk)["candidates"]] == [
        candidate_id("Yes")
    ]


def test_who_stands_behind_an_answer_is_known(debate: Debate) -> None:
    assert {answer.answer: answer.holders for answer in standing_answers(debate)} == {
        "Yes": ("ada",),
        "No": ("ben", "cleo"),
    }


def test_there_is_nothing_to_vote_on_before_the_first_answer(alice: User) -> None:
    debate = make_debate()
    with pytest.raises(StateForbids, match="nobody has answered"):
        cast(debate, person(alice))


@pytest.mark.parametrize("status", sorted(TERMINAL_STATUSES))
def test_a_debate_that_is_over_hears_nobody(status: DebateStatus, alice: User) -> None:
    debate = make_standing(status=status)
    with pytest.raises(StateForbids):
        cast(debate, person(alice))


@pytest.mark.parametrize("status", sorted(frozenset(DebateStatus) - TERMINAL_STATUSES))
def test_until_then_it_hears_everybody(status: DebateStatus, alice: User) -> None:
    assert cast(make_standing(status=status), person(alice)).tally["voters"] == 1


def test_a_private_debate_hears_its_owner_alone(alice: User, bob: User, charlie: User) -> None:
    debate = make_standing(owner=alice, visibility=Visibility.PRIVATE)
    for stranger in (person(bob), person(charlie), visitor("v")):
        with pytest.raises(NotFound):
            cast(debate, stranger)
    assert cast(debate, person(alice)).tally["voters"] == 1


def test_a_debate_that_is_not_there_hears_nobody(alice: User) -> None:
    with pytest.raises(NotFound):
        audience.cast_vote(
            debate_id=uuid4(), person=person(alice), choice="Yes", intensity=5, now=START
        )


def test_the_same_vote_again_changes_nothing(debate: Debate, alice: User) -> None:
    assert cast(debate, person(alice)) == cast(debate, person(alice), now=START + PATIENT)
    assert len(votes_in_the_log(debate)) == 1
    assert AudienceVote.objects.get().updated_at == START


def test_a_fast_person_is_held_to_the_pace_and_nothing_is_stored(
    debate: Debate, alice: User, bob: User
) -> None:
    for intensity in range(1, 6):
        cast(debate, person(alice), intensity=intensity)
    with pytest.raises(TooFast) as held:
        cast(debate, person(alice), intensity=6)
    assert held.value.retry_after == 6
    assert AudienceVote.objects.get().intensity == 5
    cast(debate, person(bob))
    with pytest.raises(TooFast):
        audience.suggest(debate_id=debate.pk, person=person(alice), text="Hm.", now=START)
    cast(debate, person(alice), intensity=6, now=START + PATIENT)


def test_an_address_has_a_bounded_number_of_voters(debate: Debate, alice: User) -> None:
    for number in range(audience.MAX_VOTERS_PER_ADDRESS):
        cast(debate, visitor(f"v{number}"))
    with pytest.raises(NotAllowed):
        cast(debate, visitor("one more"))
    cast(debate, visitor("v0"), "No", now=START + PATIENT)
    cast(debate, visitor("elsewhere", source="there"))
    cast(debate, person(alice))
    assert audience_tally(debate.pk)["voters"] == audience.MAX_VOTERS_PER_ADDRESS + 2
    for number in range(audience.MAX_VOTERS_PER_ADDRESS + 1):
        cast(make_standing(), visitor(f"local{number}", source=""))


def test_the_database_holds_one_vote_a_person(debate: Debate) -> None:
    make_audience_vote(debate)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_audience_vote(debate)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_audience_vote(debate, "user:2", intensity=11)


PEOPLE = [visitor(name, source="") for name in ("one", "two", "three")]
ballots = st.tuples(
    st.sampled_from(PEOPLE), st.sampled_from(["Yes", "No", "no.", "Perhaps"]), st.integers(0, 11)
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(ballots, max_size=15))
def test_whatever_is_cast_in_whatever_order_the_last_of_each_counts(
    cast_in_order: list[tuple[Person, str, int]],
) -> None:
    audience.paces.forget()
    debate, now = make_standing(), START
    counts: dict[str, tuple[str, int]] = {}
    for who, choice, intensity in cast_in_order:
        now += PATIENT
        try:
            cast(debate, who, choice, intensity, now)
        except InvalidInput:
            assert choice == "Perhaps" or not 1 <= intensity <= 10
        else:
            counts[who.key] = (candidate_id(choice), intensity)

    stored = AudienceVote.objects.filter(debate=debate)
    assert {row.person: (row.candidate, row.intensity) for row in stored} == counts
    tally = audience_tally(debate.pk)
    assert tally["voters"] == len(counts)
    for row in tally["candidates"]:
        felt = [much for candidate, much in counts.values() if candidate == row["candidate"]]
        assert row["votes"] == len(felt) > 0
        assert row["mean_intensity"] == pytest.approx(sum(felt) / len(felt), abs=0.001)
    told = votes_in_the_log(debate)
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    if told:
        assert told[-1].data["tally"] == tally
