"""Answers that are kept: made by one, forgotten with the commit of a change, and nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from aragora_site.tenancy.scopes import outside
from debates import caching
from debates.caching import ALIAS, RATINGS, KeptAnswers
from debates.choices import DebateStatus, Visibility
from debates.models import Debate, QuestionVector
from debates.ranking.services import recompute_ratings
from debates.running.chores import all_work
from memory.embeddings.base import DIMENSIONS
from ratelimit.models import Membership, Role, Workspace
from tests.factories import make_debate, make_match, make_proposal, make_rating

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["in process", pytest.param("redis", marks=pytest.mark.redis)])
def kept(
    request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KeptAnswers]:
    """As it is shared: nothing is at hand."""
    monkeypatch.setattr(caching, "AT_HAND_SECONDS", 0.0)
    if request.param == "redis":
        settings.CACHES = {
            **settings.CACHES,
            ALIAS: {
                "BACKEND": "aragora_site.caches.TolerantRedisCache",
                "LOCATION": request.getfixturevalue("redis_url"),
            },
        }
    yield KeptAnswers("test", seconds=60)
    caches[ALIAS].clear()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def numbers() -> Callable[[], int]:
    """1 the first time, 2 the second time."""
    calls: list[None] = []

    def make() -> int:
        calls.append(None)
        return len(calls)

    return make


def asked(kept: KeptAnswers, make: Callable[[], int]) -> int:
    """On a thread of its own, as by another request."""
    try:
        return kept.get("it", make)
    finally:
        connections.close_all()


def test_an_answer_is_kept_by_its_key(kept: KeptAnswers) -> None:
    make = numbers()
    assert [kept.get("it", make), kept.get("it", make), kept.get("other", make)] == [1, 1, 2]


def test_a_change_forgets_it_when_it_is_committed(
    kept: KeptAnswers, threads: ThreadPoolExecutor
) -> None:
    make = numbers()
    kept.get("it", make)
    with transaction.atomic():
        kept.changed()
        assert threads.submit(asked, kept, make).result() == 1
    assert kept.get("it", make) == 2


def test_a_change_that_was_rolled_back_forgets_nothing(kept: KeptAnswers) -> None:
    make = numbers()
    kept.get("it", make)
    with transaction.atomic():
        kept.changed()
        transaction.set_rollback(True)
    assert kept.get("it", make) == 1


def test_what_is_made_while_something_changes_is_not_kept(kept: KeptAnswers) -> None:
    def make_from_what_was() -> str:
        kept.changed()
        return "before"

    assert kept.get("it", make_from_what_was) == "before"
    assert kept.get("it", lambda: "after") == "after"


def test_within_a_transaction_nothing_is_kept(kept: KeptAnswers) -> None:
    make = numbers()
    with transaction.atomic():
        assert kept.get("it", make) == 1
    assert kept.get("it", make) == 2


def test_nothing_is_kept_where_that_is_turned_off(kept: KeptAnswers, settings: Any) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, cache_ttl=0)
    make = numbers()
    assert [kept.get("it", make), kept.get("it", make)] == [1, 2]


def test_of_many_at_once_one_makes_it(
    kept: KeptAnswers, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "WAIT_SECONDS", 60.0)
    everybody_asked, make = threading.Barrier(8), numbers()

    def ask() -> int:
        everybody_asked.wait()
        return asked(kept, make)

    answers = [threads.submit(ask) for _ in range(8)]
    assert [answer.result() for answer in answers] == [1] * 8


def test_an_old_answer_serves_while_one_makes_a_new_one(
    kept: KeptAnswers, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.get("it", lambda: 1)
    monkeypatch.setattr(caching, "OLD", 0.0)  # From now on they are old at once.
    kept.changed()
    kept.get("it", lambda: 1)
    making, go_on = threading.Event(), threading.Event()

    def make_slowly() -> int:
        making.set()
        go_on.wait()
        return 2

    slow: Future[int] = threads.submit(asked, kept, make_slowly)
    making.wait()
    assert [threads.submit(asked, kept, lambda: 3).result() for _ in range(3)] == [1] * 3
    go_on.set()
    assert slow.result() == 2
    assert kept.get("it", lambda: 4) == 4


def test_one_that_fails_leaves_the_next_one_to_try(kept: KeptAnswers) -> None:
    def fail() -> int:
        raise ValueError("It went wrong.")

    with pytest.raises(ValueError, match="It went wrong"):
        kept.get("it", fail)
    assert kept.get("it", lambda: 1) == 1


def test_nobody_waits_for_ever_for_one_that_died(
    kept: KeptAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(caches[ALIAS], "add", lambda *_, **__: False)  # Its lock is still there.
    assert kept.get("it", lambda: 1) == 1


def test_what_is_at_hand_is_not_looked_up(
    kept: KeptAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "AT_HAND_SECONDS", 60.0)
    elsewhere = KeptAnswers("test", seconds=60)  # In another process.
    make = numbers()
    assert [kept.get("it", make), elsewhere.get("it", make)] == [1, 1]
    caches[ALIAS].clear()
    assert kept.get("it", make) == 1
    kept.changed()
    assert kept.get("it", make) == 2
    monkeypatch.setattr(caching, "AT_HAND_SECONDS", 0.0)
    assert elsewhere.get("other", make) == 3
    elsewhere.changed()
    assert [elsewhere.get("it", make), KeptAnswers("test", seconds=60).get("it", make)] == [4, 4]


def test_what_is_at_hand_is_bounded(kept: KeptAnswers, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3 * caching.MOST_AT_HAND):
        kept.get(str(number), lambda: 1)
    assert len(kept._at_hand) <= caching.MOST_AT_HAND


def test_answers_by_key_are_forgotten_one_by_one(kept: KeptAnswers) -> None:
    here, elsewhere = (KeptAnswers("each", seconds=60, by_key=True) for _ in range(2))
    mine, yours = numbers(), numbers()
    assert [here.get("me", mine), here.get("you", yours), elsewhere.get("me", mine)] == [1, 1, 1]
    elsewhere.changed("me")
    assert [here.get("me", mine), here.get("you", yours)] == [2, 1]
    with pytest.raises(ValueError, match="Say whose"):
        here.forget()


# --- What is kept ------------------------------------------------------------------------------


def test_a_new_rating_is_on_the_leaderboard_at_once(client: Client) -> None:
    def leaders() -> list[str]:
        return [row["name"] for row in client.get("/api/v1/leaderboard").json()["rankings"]]

    make_rating("cleo")
    assert leaders() == ["cleo"]
    make_match(make_debate(), won="ada", lost="ben")
    assert leaders() == ["cleo"]
    recompute_ratings(now=timezone.now())
    assert leaders() == ["ada", "ben"]
    assert client.get("/leaderboard/").content.index(b"ada") > 0


def test_a_domain_that_nobody_plays_in_is_not_asked_for(
    client: Client, django_assert_num_queries: Any
) -> None:
    make_rating("ada")
    client.get("/api/v1/leaderboard")
    with django_assert_num_queries(0):
        assert client.get("/api/v1/leaderboard?domain=nothing").json()["total"] == 0


def test_topics_are_those_of_whoever_asks(alice: User, bob: User, charlie: User) -> None:
    team = Workspace.objects.create(slug="team", name="Team")
    for member, role in ((alice, Role.OWNER), (bob, Role.MEMBER)):
        Membership.objects.create(workspace=team, user=member, role=role)
    about(make_debate("Should the salary of Zoe rise?", owner=alice, visibility=Visibility.PRIVATE))
    about(
        make_debate(
            "Should the merger happen?",
            owner=alice,
            workspace=team,
            visibility=Visibility.WORKSPACE,
        )
    )
    about(make_debate("Should the tram be built?"))

    def topics(who: Any) -> set[str]:
        browser = Client()
        if who is not None:
            browser.force_login(who)
        found = browser.get("/api/v1/debates/trending").json()["topics"]
        return {word for topic in found for word in topic["topic"].lower().split()}

    for _ in range(2):  # Made, and as it was kept.
        assert {"tram", "merger", "zoe"} <= topics(alice)
        assert {"tram", "merger"} <= topics(bob)
        assert "zoe" not in topics(bob)
        for stranger in (charlie, None):
            assert "tram" in topics(stranger)
            assert not {"merger", "zoe"} & topics(stranger)
    Membership.objects.filter(user=bob).delete()
    assert "merger" not in topics(bob)


def test_what_was_said_is_kept_and_shown_to_those_alone_who_may_read_it(
    alice: User, charlie: User
) -> None:
    debate = make_debate(owner=alice, status=DebateStatus.COMPLETED, visibility=Visibility.PRIVATE)
    make_proposal(debate, answer="Only between us")

    def page(who: Any) -> Any:
        browser = Client()
        browser.force_login(who)
        return browser.get(f"/debates/{debate.slug}/")

    for _ in range(2):
        assert b"Only between us" in page(alice).content
        assert page(charlie).status_code == 404
    Debate.objects.filter(pk=debate.pk).update(visibility=Visibility.PUBLIC)
    assert b"Only between us" in page(charlie).content
    Debate.objects.filter(pk=debate.pk).update(visibility=Visibility.PRIVATE)
    assert page(charlie).status_code == 404


def test_a_debate_under_way_is_never_kept(client: Client) -> None:
    debate = make_debate(status=DebateStatus.RUNNING)
    make_proposal(debate, "ada", answer="First word")
    assert b"First word" in client.get(f"/debates/{debate.slug}/").content
    make_proposal(debate, "ben", answer="Second word")
    assert b"Second word" in client.get(f"/debates/{debate.slug}/").content


def test_chores_make_answers_before_they_are_asked_for(
    client: Client, alice: User, django_assert_num_queries: Any
) -> None:
    make_rating("ada", domain="law")
    make_rating("ada")
    about(make_debate("Should the tram be built?"))
    about(make_debate("Is it secret?", owner=alice, visibility=Visibility.PRIVATE))
    with outside():
        for work in all_work():
            if work.name.endswith("_warmer"):
                work.carry_out(timezone.now())
    with django_assert_num_queries(0):
        board = client.get("/api/v1/leaderboard?domain=law").json()
    assert ([row["name"] for row in board["rankings"]], board["domains"]) == (["ada"], ["law"])
    QuestionVector.objects.all().delete()
    topics = client.get("/api/v1/debates/trending").json()["topics"]
    assert [topic["topic"] for topic in topics] == ["Tram built"]


def about(debate: Debate) -> None:
    """What it is about, far from everything else."""
    import numpy as np

    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    vector[QuestionVector.objects.count()] = 1.0
    QuestionVector.objects.create(debate=debate, embedder="test", vector=vector.tobytes())


def test_kept_answers_are_counted(client: Client) -> None:
    def count(result: str) -> float:
        return caching.ASKED.labels("ratings", result)._value.get()

    hits, misses = count("hit"), count("miss")
    RATINGS.get("x", lambda: 1)
    RATINGS.get("x", lambda: 1)
    assert (count("hit") - hits, count("miss") - misses) == (1, 1)
