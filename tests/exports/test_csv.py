"""A table comes back as it was, in every program, and no spreadsheet takes a text for a formula."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from debates.choices import EventType
from debates.models import Debate
from tests.exports.conftest import caller, export
from tests.factories import make_debate, make_event, make_proposal
from tests.web.records import BUILD, WAIT

pytestmark = pytest.mark.django_db

FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
SPREADSHEETS = ("=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "'=1", '="a",b\n;c')


def rows(content: str) -> list[dict[str, str]]:
    assert content[0] == "\ufeff"
    return list(csv.DictReader(io.StringIO(content[1:], newline="")))


def as_it_was(cell: str) -> str:
    return cell.removeprefix("'")


def test_the_summary_is_one_row(finished: Debate) -> None:
    (row,) = rows(export(caller(), finished, "csv"))
    assert row["question"] == finished.question
    assert (row["answer"], row["reached"], row["complete"]) == (BUILD, "true", "true")
    assert float(row["agreement"]) == pytest.approx(2 / 3)
    assert row["dissenting_agents"] == "ben"


def test_messages_critiques_and_votes_are_rows(finished: Debate) -> None:
    messages = rows(export(caller(), finished, "csv", table="messages"))
    told = caller().get(f"/api/v1/debates/{finished.pk}/messages").json()["messages"]
    assert [row["content"] for row in messages] == [message["content"] for message in told]
    (critique,) = rows(export(caller(), finished, "csv", table="critiques"))
    assert (critique["agent"], critique["target"], critique["severity"]) == ("ada", "ben", "0.6")
    votes = rows(export(caller(), finished, "csv", table="votes"))
    assert [(row["agent"], row["choice"]) for row in votes] == [
        ("ada", BUILD),
        ("cleo", BUILD),
        ("ben", WAIT),
    ]


def test_a_debate_without_any_has_the_names_of_the_columns_alone() -> None:
    for table in ("messages", "critiques", "votes"):
        content = export(caller(), make_debate(), "csv", table=table)
        assert content.count("\r\n") == 1


@pytest.mark.parametrize("text", SPREADSHEETS)
def test_no_text_is_a_formula(text: str) -> None:
    debate = make_debate(text)
    make_proposal(debate, "ada", text)
    vote = {"round_number": 1, "ranking": [text], "confidence": 0.7}
    make_event(debate, EventType.VOTE, agent="ada", choice=text, reasoning=text, **vote)
    for table, column in (("summary", "question"), ("messages", "answer"), ("votes", "reasoning")):
        content = export(caller(), debate, "csv", table=table)
        (row,) = rows(content)
        assert not any(FORMULA.match(cell) for cell in row.values())
        assert as_it_was(row[column]) == text


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts | st.sampled_from(SPREADSHEETS))
@example(text="zwölf „Trams“, 'eine'\r\n\"zwei\"; 路面電車 🚋")
def test_every_text_comes_back(debate: Debate, text: str) -> None:
    event = make_proposal(debate, "ada", text)
    last = rows(export(caller(), debate, "csv", table="messages"))[-1]
    assert not FORMULA.match(last["answer"])
    assert (last["answer"] if last["answer"] == text else as_it_was(last["answer"])) == text
    event.delete()


@pytest.fixture
def debate() -> Debate:
    return make_debate()
