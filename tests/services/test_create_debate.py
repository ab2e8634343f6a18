"""A debate that is asked for rightly is stored whole, queued, and announced."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from debates.choices import DebateStatus, EventType, Visibility
from debates.engine.types import DecisionMode, ProtocolName
from debates.exceptions import SignInRequired
from debates.models import Agent, Debate, DebateEvent
from debates.running import wake
from debates.services.creation import NewDebate, NewDocument, create_debate
from debates.services.panels import build_setup, judge_of, specs_of
from debates.streaming import publisher
from debates.streaming.envelope import Frame
from tests.factories import make_agent, make_debate, make_document, make_model_agent, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def agents() -> None:
    for name in ("ada", "ben", "cleo", "dora"):
        make_agent(name)


def test_the_default_debate() -> None:
    alice = make_user("alice")
    debate = create_debate(request=NewDebate("  Is the tram worth it? "), owner=alice, now=NOW)
    debate.refresh_from_db()
    assert debate.question == "Is the tram worth it?"
    assert debate.slug.startswith("is-the-tram-worth-it-")
    assert debate.status == DebateStatus.PENDING
    assert (debate.protocol, debate.decision) == (ProtocolName.ADAPTIVE, DecisionMode.AUTO)
    assert (debate.rounds, debate.visibility) == (3, Visibility.PRIVATE)
    assert [spec.name for spec in specs_of(debate)] == ["ada", "ben", "cleo"]
    assert judge_of(debate).name == "dora"
    assert debate.owner == alice
    assert debate.created_at == debate.queued_at == NOW


def test_everything_that_is_asked_for_is_kept() -> None:
    request = NewDebate(
        question="Is the tram worth it?",
        context="The town has 40,000 people.",
        documents=(NewDocument(" Report ", "It cut traffic.", "report.txt"), NewDocument("", "B")),
        agents=("dora", " ADA "),
        judge="ben",
        protocol="classic",
        decision="judge",
        rounds=12,
        budget_usd=Decimal("1.23456"),
        budget_tokens=50_000,
        deadline_seconds=60,
        seed=2**53 - 1,
        visibility="public",
        title="Tram",
        tags=("town", " town ", "", "rail"),
        domain=" Transport ",
        metadata={"ticket": [1, None, {"é": 1.5}]},
    )
    debate = create_debate(request=request, owner=make_user(), now=NOW)
    debate.refresh_from_db()
    assert [spec.name for spec in specs_of(debate)] == ["ada", "dora"]
    assert judge_of(debate).name == "ben"
    assert debate.budget_usd == Decimal("1.2345")
    assert (debate.budget_tokens, debate.deadline_seconds) == (50_000, 60)
    assert (debate.seed, debate.rounds) == (2**53 - 1, 12)
    assert (debate.title, debate.tags, debate.domain) == ("Tram", ["town", "rail"], "transport")
    assert debate.metadata == {"ticket": [1, None, {"é": 1.5}]}
    assert list(debate.documents.values_list("number", "title", "text", "source")) == [
        (1, "Report", "It cut traffic.", "report.txt"),
        (2, "Document 2", "B", ""),
    ]


def test_what_the_engine_is_told() -> None:
    request = NewDebate(
        "Why?", documents=(NewDocument("Report", "It cut traffic."),), seed=5, deadline_seconds=9
    )
    setup = build_setup(create_debate(request=request, owner=None, now=NOW))
    assert [panelist.name for panelist in setup.panel] == ["ada", "ben", "cleo"]
    assert [(document.number, document.text) for document in setup.documents] == [
        (1, "It cut traffic.")
    ]
    assert (setup.seed, setup.deadline_seconds, setup.budget_usd) == (5, 9, None)


def test_extractive_agents_without_documents_argue_from_the_corpus() -> None:
    make_document("The shipped text.")
    setup = build_setup(create_debate(request=NewDebate("Why?"), owner=None, now=NOW))
    assert [document.text for document in setup.documents] == ["The shipped text."]


def test_language_models_without_documents_get_none() -> None:
    make_document("The shipped text.")
    make_model_agent("luna")
    make_model_agent("mira")
    setup = build_setup(create_debate(request=NewDebate("Why?"), owner=None, now=NOW))
    assert [panelist.name for panelist in setup.panel] == ["luna", "mira"]
    assert setup.documents == ()


def test_the_panel_stays_as_it_was_when_an_agent_is_edited() -> None:
    debate = create_debate(request=NewDebate("Why?"), owner=None, now=NOW)
    before = specs_of(debate)
    Agent.objects.filter(name="ada").update(persona="Somebody else.", enabled=False)
    debate.refresh_from_db()
    assert specs_of(debate) == before


def test_the_queue_is_told_in_the_log() -> None:
    make_debate(status=DebateStatus.PENDING, queued_at=NOW - timedelta(minutes=1))
    make_debate(status=DebateStatus.RUNNING)
    debate = create_debate(request=NewDebate("Why?"), owner=None, now=NOW)
    event = DebateEvent.objects.get(debate=debate)
    assert (event.seq, event.type, event.created_at) == (1, EventType.DEBATE_QUEUED, NOW)
    assert event.data == {"debate_id": str(debate.pk), "task": "Why?", "queue_position": 2}
    assert debate.last_seq == Debate.objects.get(pk=debate.pk).last_seq == 1


def test_a_debate_that_is_not_to_start_waits_for_somebody() -> None:
    debate = create_debate(request=NewDebate("Why?", autostart=False), owner=None, now=NOW)
    assert (debate.status, debate.queued_at) == (DebateStatus.CREATED, None)
    assert not debate.events.exists()


class Sink:
    """Receives what this process publishes."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def put(self, frames: Sequence[Frame]) -> None:
        self.frames += frames


def test_it_is_announced_and_the_dispatcher_woken_after_the_commit(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    sink, woken = Sink(), []
    listener = lambda: woken.append(1)  # noqa: E731 (has to be the same object below)
    publisher.attach(sink)
    wake.add_listener(listener)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            create_debate(request=NewDebate("Why?"), owner=None, now=NOW)
            assert (sink.frames, woken) == ([], [])
    finally:
        publisher.detach(sink)
        wake.remove_listener(listener)
    assert [(frame.type, frame.seq) for frame in sink.frames] == [("debate_queued", 1)]
    assert woken == [1]


def test_equal_questions_have_unequal_slugs() -> None:
    first, second = (
        create_debate(request=NewDebate("Why?"), owner=None, now=NOW) for _ in range(2)
    )
    assert first.slug != second.slug


@pytest.mark.parametrize("question", ["为什么?", "???", "-" * 50, "a" * 10_000])
def test_every_question_has_a_slug(question: str) -> None:
    debate = create_debate(request=NewDebate(question), owner=None, now=NOW)
    debate.full_clean(exclude=["judge", "lease_holder"])
    assert len(debate.slug) <= 96


def test_without_an_owner_it_is_public() -> None:
    debate = create_debate(request=NewDebate("Why?"), owner=None, now=NOW)
    assert debate.visibility == Visibility.PUBLIC


def test_where_anonymous_debates_are_off_one_has_to_sign_in(
    settings: Settings,
) -> None:
    settings.ARAGORA = replace(settings.ARAGORA, allow_anonymous_debates=False)
    with pytest.raises(SignInRequired, match="Sign in"):
        create_debate(request=NewDebate("Why?"), owner=None, now=NOW)
    create_debate(request=NewDebate("Why?"), owner=make_user(), now=NOW)


def test_the_cost_in_queries_is_known(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    documents = tuple(NewDocument("", f"Text {number}.") for number in range(5))
    job = connection.vendor == "postgresql"
    with django_assert_num_queries(7 + job):
        # agents; savepoint, queue, debate, documents, event, release; there, the job
        create_debate(request=NewDebate("Why?", documents=documents), owner=None, now=NOW)
