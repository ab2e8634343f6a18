"""What is suggested is kept once, in bounds, and until the debate is over."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debates.choices import TERMINAL_STATUSES, DebateStatus, EventType, Visibility
from debates.exceptions import InvalidInput, NotAllowed, NotFound, StateForbids, TooFast
from debates.models import Debate, DebateEvent, Suggestion
from debates.services import audience
from debates.services.audience import Suggested, fingerprint
from debates.visitors import Person
from tests.factories import make_debate, make_suggestion
from tests.support.audience import PATIENT, START, person, visitor

pytestmark = pytest.mark.django_db


def suggest(debate: Debate, who: Person, text: str, now: datetime = START) -> Suggested:
    return audience.suggest(debate_id=debate.pk, person=who, text=text, now=now)


def told(debate: Debate) -> list[DebateEvent]:
    rows = DebateEvent.objects.filter(debate=debate, type=EventType.AUDIENCE_SUGGESTION)
    return list(rows.order_by("seq"))


def test_a_suggestion_is_stored_and_told(debate: Debate, alice: User) -> None:
    kept = suggest(debate, person(alice), "Ask the bus drivers.")

    assert kept == Suggested(1, "Ask the bus drivers.", is_new=True)
    row = Suggestion.objects.get()
    assert (row.number, row.person, row.offered_in_round) == (1, f"user:{alice.pk}", None)
    [event] = told(debate)
    assert (event.data["content"], event.data["number"]) == ("Ask the bus drivers.", 1)
    assert event.agent == ""
    assert "alice" not in str(event.data)


def test_before_the_first_answer_too(alice: User) -> None:
    assert suggest(make_debate(status=DebateStatus.CREATED), person(alice), "Begin.").is_new


def test_what_was_said_before_is_kept_once(debate: Debate, alice: User, bob: User) -> None:
    first = suggest(debate, person(alice), "Ask the bus drivers.")
    again = suggest(debate, person(bob), "  ask THE\nbus drivers!! ")
    assert again == Suggested(first.number, first.text, is_new=False)
    assert len(told(debate)) == Suggestion.objects.count() == 1
    elsewhere = suggest(make_debate(), person(bob), "Ask the bus drivers.", START + PATIENT)
    assert elsewhere.is_new


@pytest.mark.parametrize("other", ["Use C", "Use C#", "Use C++ 20", "Do not use C++"])
def test_what_means_something_else_is_something_else(other: str) -> None:
    assert fingerprint("Use C++") != fingerprint(other)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1), min_size=1),
    st.data(),
)
def test_case_spaces_and_punctuation_make_no_difference(
    words: list[str], data: st.DataObject
) -> None:
    edges, gaps = (
        st.sampled_from(["", ",", ".", "!", "“", "?!"]),
        st.sampled_from([" ", "\n ", "\t"]),
    )
    put = data.draw(gaps).join(
        data.draw(edges)
        + data.draw(st.sampled_from([word, word.upper(), word.lower()]))
        + data.draw(edges)
        for word in words
    )
    assert fingerprint(put) == fingerprint(" ".join(words))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  two\n\nlines  ", "two lines"),
        ("bell\x07 and \x1b[31mred", "bell and [31mred"),
        ("x" * 500, "x" * 500),
        ("ä" * 500, "ä" * 500),
        ("🦉", "🦉"),
    ],
)
def test_it_is_kept_as_one_plain_line(debate: Debate, alice: User, text: str, kept: str) -> None:
    assert suggest(debate, person(alice), text).text == kept


@pytest.mark.parametrize("text", ["", "  \n", "\x07", "x" * 501, "nul\0", "half \ud800 a pair"])
def test_what_is_none_is_refused(debate: Debate, alice: User, text: str) -> None:
    with pytest.raises(InvalidInput) as wrong:
        suggest(debate, person(alice), text)
    assert wrong.value.fields[0][0] == "suggestion"
    assert not Suggestion.objects.exists()


def test_a_debate_holds_so_many(debate: Debate, alice: User) -> None:
    for number in range(1, audience.MAX_SUGGESTIONS + 1):
        make_suggestion(debate, f"Idea {number}", number=number)
    with pytest.raises(StateForbids):
        suggest(debate, person(alice), "One more.")
    assert not suggest(debate, person(alice), "Idea 1").is_new


def test_a_person_makes_so_many(debate: Debate, alice: User, bob: User) -> None:
    now = START
    for number in range(audience.MAX_SUGGESTIONS_PER_PERSON):
        now += PATIENT
        suggest(debate, person(alice), f"Idea {number}", now)
    with pytest.raises(NotAllowed):
        suggest(debate, person(alice), "One more.", now + PATIENT)
    assert suggest(debate, person(bob), "One more.").number == (
        audience.MAX_SUGGESTIONS_PER_PERSON + 1
    )


def test_an_address_makes_so_many(debate: Debate, alice: User) -> None:
    for number in range(audience.MAX_SUGGESTIONS_PER_ADDRESS):
        suggest(debate, visitor(f"v{number}"), f"Idea {number}")
    with pytest.raises(NotAllowed):
        suggest(debate, visitor("another"), "One more.")
    suggest(debate, visitor("another", source="there"), "One more.")
    suggest(debate, person(alice), "And one more.")


def test_the_pace_is_kept(debate: Debate) -> None:
    troll = visitor("troll")
    for number in range(5):
        suggest(debate, troll, f"Idea {number}")
    with pytest.raises(TooFast):
        suggest(debate, troll, "Idea 5")
    assert Suggestion.objects.count() == len(told(debate)) == 5


@pytest.mark.parametrize("status", sorted(TERMINAL_STATUSES))
def test_a_debate_that_is_over_hears_nobody(status: DebateStatus, alice: User) -> None:
    with pytest.raises(StateForbids):
        suggest(make_debate(status=status), person(alice), "Too late?")


def test_a_private_debate_hears_its_owner_alone(alice: User, bob: User, charlie: User) -> None:
    debate = make_debate(owner=alice, visibility=Visibility.PRIVATE)
    for stranger in (person(bob), person(charlie), visitor("v")):
        with pytest.raises(NotFound):
            suggest(debate, stranger, "Let me in.")
    assert suggest(debate, person(alice), "My own.").is_new


def test_the_database_keeps_each_once(debate: Debate) -> None:
    make_suggestion(debate, "Once.")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_suggestion(debate, "once")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_suggestion(debate, "Twice.", number=1)


TEXTS = ["Ask.", "ask", "Count them!", "count THEM", "Wait", "", "x" * 501]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(TEXTS)), max_size=12))
def test_numbers_are_dense_and_texts_distinct_in_whatever_order(
    said: list[tuple[str, str]],
) -> None:
    audience.paces.forget()
    debate, now = make_debate(), START
    for name, text in said:
        now += timedelta(seconds=6)
        try:
            suggest(debate, visitor(name, source=""), text, now)
        except InvalidInput:
            assert text in ("", "x" * 501)
    rows = list(Suggestion.objects.filter(debate=debate).order_by("number"))
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    kinds = {fingerprint(text) for _, text in said if text in TEXTS[:5]}
    assert {row.fingerprint for row in rows} == kinds
    assert [event.data["number"] for event in told(debate)] == [row.number for row in rows]
