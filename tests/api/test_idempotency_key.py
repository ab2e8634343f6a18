"""A request that is sent again under its key is carried out once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from debates.models import Debate, DebateEvent, IdempotencyRecord
from debates.services.idempotency import LIFETIME, Answer, carry_out_once
from tests import factories
from tests.api.conftest import Api

QUESTION = {"task": "Should the town build the tram?"}


def create(api: Api, key: str, body: Any = None) -> Any:
    return api.post("/api/v1/debates", body or QUESTION, idempotency_key=key)


@pytest.mark.django_db
@pytest.mark.usefixtures("panel")
class TestOverHttp:
    def test_the_first_answer_comes_again(self, anybody: Api) -> None:
        first, second = create(anybody, "k1"), create(anybody, "k1")
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.content == second.content
        assert "Idempotency-Replayed" not in first
        assert second["Idempotency-Replayed"] == "true"
        assert Debate.objects.count() == 1
        assert DebateEvent.objects.count() == 1

    def test_it_reads_like_an_answer_without_a_key(self, anybody: Api) -> None:
        with_key = create(anybody, "k1").json()
        without = anybody.post("/api/v1/debates", QUESTION).json()
        assert set(with_key) == set(without)
        assert type(with_key["created_at"]) is type(without["created_at"])

    def test_another_body_under_the_same_key_is_a_conflict(self, anybody: Api) -> None:
        create(anybody, "k1")
        answer = create(anybody, "k1", {"task": "Another question?"})
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")
        assert Debate.objects.count() == 1

    def test_another_key_is_another_debate(self, anybody: Api) -> None:
        assert create(anybody, "k1").json()["id"] != create(anybody, "k2").json()["id"]

    def test_everybody_has_keys_of_their_own(self, as_alice: Api, as_bob: Api) -> None:
        assert create(as_alice, "k1").json()["id"] != create(as_bob, "k1").json()["id"]

    def test_a_refused_request_may_be_corrected_under_its_key(self, anybody: Api) -> None:
        assert create(anybody, "k1", QUESTION | {"rounds": 0}).status_code == 400
        assert create(anybody, "k1").status_code == 201

    @pytest.mark.parametrize("key", ["", "k" * 256, "a\tb"])
    def test_a_key_that_cannot_be_kept(self, anybody: Api, key: str) -> None:
        answer = create(anybody, key)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"

    def test_control_is_carried_out_once_too(self, anybody: Api) -> None:
        path = f"/api/v1/debates/{factories.make_debate().pk}/cancel"
        first = anybody.post(path, idempotency_key="k1")
        second = anybody.post(path, idempotency_key="k1")
        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert anybody.post(path, idempotency_key="k2").status_code == 409


def run(key: str = "k1", *, now: Any = None, carry_out: Any = None) -> Answer:
    return carry_out_once(
        key=key,
        principal="user:1",
        caller=None,
        operation="POST /x",
        payload=b"{}",
        now=now or timezone.now(),
        carry_out=carry_out or (lambda: Answer(201, "made")),
    )


@pytest.mark.django_db
def test_answers_are_kept_for_a_day() -> None:
    start = timezone.now()
    run(now=start, carry_out=lambda: Answer(201, "first"))
    later = start + LIFETIME - timedelta(seconds=1)
    assert run(now=later).body == "first"
    expired = run(now=start + LIFETIME, carry_out=lambda: Answer(201, "second"))
    assert (expired.body, expired.replayed) == ("second", False)
    assert IdempotencyRecord.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_expired_answers_are_swept_out() -> None:
    start = timezone.now()
    for number in range(5):
        run(f"old-{number}", now=start)
    run("new", now=start + LIFETIME)
    assert IdempotencyRecord.objects.get().key == "new"


@pytest.mark.django_db
def test_an_exception_leaves_neither_work_nor_claim() -> None:
    def fail() -> Answer:
        factories.make_debate()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run(carry_out=fail)
    assert not Debate.objects.exists()
    assert run().replayed is False


@pytest.mark.django_db(transaction=True)
def test_duplicates_at_the_same_time_are_carried_out_once() -> None:
    callers = 8
    together = threading.Barrier(callers)
    carried_out: list[int] = []

    def work() -> Answer:
        carried_out.append(1)
        return Answer(201, "made")

    def call(_: int) -> Answer:
        together.wait()
        try:
            return run(carry_out=work)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(callers) as threads:
        answers = list(threads.map(call, range(callers)))

    assert len(carried_out) == 1
    assert {answer.body for answer in answers} == {"made"}
    assert sum(not answer.replayed for answer in answers) == 1
