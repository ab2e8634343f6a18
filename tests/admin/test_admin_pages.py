"""Every list and every row can be looked at by staff, and nothing that the log is the truth of
can be added, changed or deleted."""

from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from debates.choices import DebateStatus, EventType
from debates.models import (
    Agent,
    Chore,
    Debate,
    Document,
    IdempotencyRecord,
    Outcome,
    Preferences,
    QuestionVector,
    ShareLink,
)
from tests import factories

pytestmark = pytest.mark.django_db

MODELS = sorted(apps.get_app_config("debates").get_models(), key=lambda model: model.__name__)
WRITABLE = {Agent, Document}


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(factories.make_user("root", superuser=True))
    return client


@pytest.fixture
def rows() -> dict[type[Model], Model]:
    """One row of every model."""
    owner = factories.make_user()
    debate = factories.make_debate(owner=owner, status=DebateStatus.COMPLETED)
    match = factories.make_match(debate)
    made = (
        factories.make_agent("ada"),
        factories.make_audience_vote(debate),
        factories.make_ballot(debate),
        Chore.objects.create(name="sweep", due_at=timezone.now()),
        debate,
        factories.make_event(debate),
        factories.make_document(debate=debate),
        IdempotencyRecord.objects.create(
            key="k", principal="alice", operation="POST /", status=201, body="{}",
            request_hash="0", expires_at=timezone.now(),
        ),
        match,
        match.results.first(),
        Outcome.objects.create(
            debate=debate, came_true=True, confidence=0.6, surprise=0.4, recorded_at=timezone.now()
        ),
        QuestionVector.objects.create(debate=debate, embedder="hash-256", vector=bytes(1024)),
        factories.make_rating(),
        factories.make_round(debate),
        Preferences.objects.create(user=owner, updated_at=timezone.now()),
        ShareLink.objects.create(debate=debate),
        factories.make_stream_place(debate),
        factories.make_suggestion(debate),
        factories.make_turn(debate),
        factories.make_usage_record(debate),
        factories.make_verdict(debate),
    )  # fmt: skip
    return {type(row): row for row in made if row is not None}


def url(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:debates_{model._meta.model_name}_{page}", args=args)


def test_every_model_has_its_admin(rows: dict[type[Model], Model]) -> None:
    assert set(MODELS) == set(rows)
    assert all(admin.site.is_registered(model) for model in MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_rows_can_be_seen(
    client: Client, rows: dict[type[Model], Model], model: type[Model]
) -> None:
    assert client.get(url(model, "changelist")).status_code == 200
    assert client.get(url(model, "changelist"), {"q": "ada"}).status_code == 200
    assert client.get(url(model, "change", rows[model].pk)).status_code == 200


@pytest.mark.parametrize("model", [model for model in MODELS if model not in WRITABLE])
def test_the_log_cannot_be_written(
    client: Client, rows: dict[type[Model], Model], model: type[Model]
) -> None:
    assert client.get(url(model, "add")).status_code == 403
    if model not in (Debate, Preferences, ShareLink):  # Cancelled, reset, and revoked.
        assert client.post(url(model, "change", rows[model].pk)).status_code == 403
        assert client.post(url(model, "delete", rows[model].pk)).status_code == 403


@pytest.mark.parametrize("model", MODELS)
def test_strangers_are_sent_to_sign_in(model: type[Model]) -> None:
    client = Client()
    client.force_login(factories.make_user("charlie"))
    answer = client.get(url(model, "changelist"))
    assert answer.status_code == 302
    assert "login" in answer["Location"]


MAKERS: dict[str, Callable[[Debate], object]] = {
    "debateevent": lambda debate: factories.make_event(debate, EventType.DEBATE_QUEUED),
    "turn": factories.make_turn,
    "round": factories.make_round,
    "verdict": factories.make_verdict,
    "ballot": factories.make_ballot,
    "document": lambda debate: factories.make_document(debate=debate),
    "usagerecord": factories.make_usage_record,
    "match": factories.make_match,
    "debate": lambda debate: None,
}


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_a_longer_list_takes_no_more_queries(
    client: Client, name: str, django_assert_max_num_queries: Callable[..., object]
) -> None:
    owner = factories.make_user()
    for _ in range(12):
        MAKERS[name](factories.make_debate(owner=owner))
    with django_assert_max_num_queries(7):  # type: ignore[attr-defined]
        client.get(reverse(f"admin:debates_{name}_changelist"))


def test_documents_of_a_debate_are_fixed_and_the_corpus_is_not(client: Client) -> None:
    given = factories.make_document(debate=factories.make_debate())
    corpus = factories.make_document("Old.", number=1)
    changed = {"number": 1, "title": "Tram", "text": "New.", "source": ""}
    assert client.post(url(Document, "change", given.pk), changed).status_code == 403
    assert client.post(url(Document, "change", corpus.pk), changed).status_code == 302
    corpus.refresh_from_db()
    assert corpus.text == "New."


def test_the_answers_kept_for_callers_are_not_shown(
    client: Client, rows: dict[type[Model], Model]
) -> None:
    record = rows[IdempotencyRecord]
    IdempotencyRecord.objects.update(body='{"key": "ara_secret"}')
    page = client.get(url(IdempotencyRecord, "change", record.pk))
    assert b"ara_secret" not in page.content
