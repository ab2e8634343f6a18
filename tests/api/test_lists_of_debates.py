"""Pages of debates: by offset, by cursor, and by filters."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from debates.choices import DebateStatus
from debates.models import Debate
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def made(count: int, **fields: Any) -> list[Debate]:
    """Debates, the newest first; each two of them are of the same moment."""
    debates = [
        factories.make_debate(created_at=NOON + timedelta(minutes=number // 2), **fields)
        for number in range(count)
    ]
    return sorted(debates, key=lambda debate: (debate.created_at, debate.pk), reverse=True)


def listed(answer: Any) -> list[str]:
    told = answer.json()
    assert answer.status_code == 200, told
    assert told["debates"] == told["items"]
    assert told["count"] == len(told["items"])
    return [item["id"] for item in told["items"]]


def keys(debates: list[Debate]) -> list[str]:
    return [str(debate.pk) for debate in debates]


def test_the_newest_come_first_twenty_at_a_time(anybody: Api) -> None:
    debates = made(23)
    answer = anybody.get("/api/v1/debates")
    assert listed(answer) == keys(debates[:20])
    told = answer.json()
    assert (told["total"], told["limit"], told["offset"]) == (23, 20, 0)
    assert told["has_more"] is True


def test_offsets_lead_to_the_end(anybody: Api) -> None:
    debates = made(5)
    answer = anybody.get("/api/v1/debates", {"limit": 2, "offset": 4})
    assert listed(answer) == keys(debates[4:])
    assert answer.json()["has_more"] is False
    beyond = anybody.get("/api/v1/debates", {"offset": 100})
    assert (listed(beyond), beyond.json()["total"]) == ([], 5)


def test_a_cursor_goes_through_all_while_the_list_grows(anybody: Api) -> None:
    debates = made(7)
    found: list[str] = []
    after = None
    while True:
        params = {"limit": 3} | ({"after": after} if after else {})
        answer = anybody.get("/api/v1/debates", params)
        found += listed(answer)
        after = answer.json()["next_after"]
        if after is None:
            break
        factories.make_debate()  # newer than all
    assert found == keys(debates)


@pytest.mark.parametrize("after", ["x", "", "eA", "MjAyNi0wMS0wMSAx", "é", "a" * 5000])
def test_a_cursor_that_nobody_gave_out(anybody: Api, after: str) -> None:
    answer = anybody.get("/api/v1/debates", {"after": after})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "after"


@pytest.mark.parametrize(
    "params",
    [{"limit": 0}, {"limit": 201}, {"limit": -1}, {"offset": -1}, {"offset": 10**30}],
)
def test_limits_are_not_bent(anybody: Api, params: dict[str, int]) -> None:
    """A client that asks for 500 and silently gets 200 takes them for all there are."""
    assert anybody.get("/api/v1/debates", params).status_code == 400


@pytest.mark.parametrize(
    ("word", "states"),
    [
        ("completed", {"completed"}),
        ("concluded", {"completed"}),
        ("active", {"pending", "running", "paused"}),
        ("in_progress", {"running"}),
        ("starting", {"pending"}),
        ("failed,cancelled", {"failed", "cancelled"}),
        ("Created", {"created"}),
    ],
)
def test_status_filters(anybody: Api, word: str, states: set[str]) -> None:
    for status in DebateStatus:
        factories.make_debate(status=status)
    answer = anybody.get("/api/v1/debates", {"status": word})
    assert {item["status"] for item in answer.json()["items"]} == states
    assert answer.json()["total"] == len(states)


def test_an_unknown_status_names_those_there_are(anybody: Api) -> None:
    answer = anybody.get("/api/v1/debates", {"status": "asleep"})
    assert answer.status_code == 400
    assert "completed" in answer.json()["errors"][0]["message"]


def test_words_and_tags(anybody: Api) -> None:
    tram = factories.make_debate("Should the town build the tram?", tags=["transport"])
    factories.make_debate("Should the town plant trees?", title="Trees", tags=["green"])
    assert listed(anybody.get("/api/v1/debates", {"q": "TRAM town"})) == [str(tram.pk)]
    assert listed(anybody.get("/api/v1/debates", {"tag": "transport"})) == [str(tram.pk)]
    assert listed(anybody.get("/api/v1/debates", {"q": "bridge"})) == []


def test_active_debates(anybody: Api) -> None:
    for status in DebateStatus:
        factories.make_debate(status=status)
    for path in ("/api/v1/debates/active", "/api/debates/active"):
        found = anybody.get(path).json()["debates"]
        assert {item["status"] for item in found} == {"pending", "running", "paused"}


def test_a_page_costs_few_queries(anybody: Api, django_assert_max_num_queries: Any) -> None:
    for debate in made(20, status=DebateStatus.COMPLETED):
        factories.make_verdict(debate)
        factories.make_round(debate)
    for queries in (4, 1):  # The second time, what is told of them has been written.
        with django_assert_max_num_queries(queries):
            assert len(listed(anybody.get("/api/v1/debates"))) == 20
