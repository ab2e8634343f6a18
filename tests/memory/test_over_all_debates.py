"""What debates came to: similar and settled questions, dissent, topics, outcomes, calibration."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from debates.choices import DebateStatus, Visibility
from debates.engine import codec
from debates.engine.positions import candidate_id
from debates.models import Debate, Outcome, QuestionVector
from debates.selectors import questions
from debates.selectors.finding import Reach, debates_visible_to
from debates.selectors.questions import all_questions
from debates.selectors.similar import settled_for
from debates.selectors.topics import make_topics, trending_topics
from debates.services.remembering import remember_debates
from memory.embeddings.service import get_service
from memory.models import Entry
from memory.selectors.nearest import is_indexed
from ratelimit.models import Membership, Role, Workspace
from ratelimit.workspaces import personal_workspace
from tests import factories
from tests.api.conftest import Api
from tests.memory.test_api import signed_in
from tests.web import records

TRAM, TRAMS = "Should the town build the tram?", "Should our town build a tram line?"
HEATING = "How should an old house be heated?"


@pytest.fixture(autouse=True)
def _fresh_cache(db: None) -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def decided(question: str = TRAM, **fields: Any) -> Debate:
    """A debate that is over, and remembered."""
    found = records.make_verdict()
    debate = factories.make_debate(question=question, status=DebateStatus.COMPLETED, **fields)
    factories.make_verdict(
        debate,
        found.answer,
        confidence=found.confidence,
        agreement=found.agreement,
        detail=codec.encode_verdict(found),
    )
    for ballot in found.ballots:
        factories.make_ballot(
            debate, ballot.voter, ranking=[candidate_id(found.answer or "")], confidence=0.75
        )
    remember_debates(debate_ids=[debate.pk], now=timezone.now())
    return debate


def owned(name: str) -> dict[str, Any]:
    user = factories.make_user(name)
    return {
        "owner": user,
        "workspace": personal_workspace(user),
        "visibility": Visibility.PRIVATE,
    }


def test_similar_questions_are_found_by_meaning(db: None) -> None:
    tram = decided(TRAM)
    decided(HEATING)
    answer = Api().get("/api/v1/consensus/similar", {"topic": TRAMS}).json()
    assert [item["debate_id"] for item in answer["similar"]] == [str(tram.pk)]
    assert answer["similar"][0]["similarity"] > 0.6
    assert Api().get("/api/v1/consensus/similar").status_code == 400


def test_settled_dissents_and_figures(db: None) -> None:
    debate = decided()
    settled = Api().get("/api/v1/consensus/settled", {"min_confidence": 0.1}).json()
    assert [item["slug"] for item in settled["topics"]] == [debate.slug]
    assert Api().get("/api/v1/consensus/settled", {"min_confidence": 1}).json()["count"] == 0
    dissents = Api().get("/api/v1/consensus/dissents", {"topic": TRAM}).json()["dissents"]
    assert len(dissents) == len(debate.verdict.detail["dissenting"])
    stats = Api().get("/api/v1/consensus/stats").json()
    assert (stats["total_debates"], stats["reached"], stats["consensus_rate"]) == (1, 1, 1.0)


def test_what_is_private_is_in_nobody_elses_figures(db: None) -> None:
    fields = owned("alice")
    decided(**fields)
    stranger = signed_in(factories.make_user("charlie"))
    for api, count in ((signed_in(fields["owner"]), 1), (stranger, 0), (Api(), 0)):
        for path, name in (
            ("similar?topic=tram+town", "count"),
            ("settled?min_confidence=0", "count"),
            ("stats", "total_debates"),
        ):
            assert api.get(f"/api/v1/consensus/{path}").json()[name] == count
        assert len(api.get("/api/v1/debates/trending").json()["topics"]) == count


def test_topics_gather_what_belongs_together_the_liveliest_first(db: None) -> None:
    now = timezone.now()
    trams = [decided(TRAM), decided(TRAMS)]
    old = decided(HEATING)
    Debate.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=4))
    topics = make_topics(visible=Debate.objects.all(), now=now)
    assert [len(topic.debate_ids) for topic in topics] == [2, 1]
    assert set(topics[0].debate_ids) == {debate.pk for debate in trams}
    assert "tram" in topics[0].label.lower()
    assert topics[1].score == pytest.approx(0.25, abs=0.01)


@pytest.mark.django_db(transaction=True)  # Within a transaction nothing is kept.
def test_trending_topics_are_kept_but_not_what_was_hidden(db: None) -> None:
    now, fields = timezone.now(), owned("alice")
    debate = decided(**{**fields, "visibility": Visibility.PUBLIC})
    assert len(trending_topics(viewer=None, now=now)) == 1
    decided(HEATING)
    assert len(trending_topics(viewer=None, now=now)) == 1  # for 300 s
    Debate.objects.filter(pk=debate.pk).update(visibility=Visibility.PRIVATE)
    assert trending_topics(viewer=None, now=now) == []
    answer = Api().get("/api/v1/debates/trending")
    assert answer.status_code == 200


def test_topics_of_a_key_and_of_its_account_are_kept_apart(db: None) -> None:
    alice = factories.make_user("alice")
    team = Workspace.objects.create(name="Team", slug="team")
    Membership.objects.create(workspace=team, user=alice, role=Role.OWNER)
    own = {"owner": alice, "visibility": Visibility.PRIVATE}
    decided(TRAM, **own, workspace=team)
    decided(HEATING, **own, workspace=personal_workspace(alice))
    _, token = factories.make_api_key(alice, workspace=team)

    def topics(api: Api, **headers: str) -> int:
        return len(api.get("/api/v1/debates/trending", **headers).json()["topics"])

    assert topics(Api(), authorization=f"Bearer {token}") == 1
    assert topics(signed_in(alice)) == 2


def test_what_others_search_does_not_hide_what_is_ones_own(db: None) -> None:
    """Both see as many questions, and the newest is the same one."""
    debates = {}
    for name in ("alice", "charlie"):
        fields = owned(name)
        debates[name] = fields["owner"], decided(TRAM, **fields)
    decided(HEATING)
    for user, debate in debates.values():
        found = signed_in(user).get("/api/v1/consensus/similar", {"topic": TRAM}).json()
        assert [one["debate_id"] for one in found["similar"]] == [str(debate.pk)]


# --- Outcomes ----------------------------------------------------------------------------------


def test_an_outcome_feeds_surprise_and_calibration(db: None) -> None:
    fields = owned("alice")
    debate = decided(**fields)
    alice = signed_in(fields["owner"])
    path = f"/api/v1/debates/{debate.slug}/outcome"
    confidence = debate.verdict.confidence
    answer = alice.post(path, {"came_true": False, "note": "Nobody rode it."})
    assert answer.status_code == 200, answer.content
    assert answer.json()["surprise"] == pytest.approx(confidence)
    decision = Entry.objects.get(kind="decision")
    assert decision.surprise == pytest.approx(confidence)
    remembered = Entry.objects.get(kind="outcome")
    assert remembered.tier == "glacial"
    assert "It proved wrong. Nobody rode it." in remembered.content
    found = alice.get("/api/v1/consensus/stats").json()["calibration"]
    assert (found["count"], found["brier"]) == (1, pytest.approx(confidence**2, abs=1e-3))
    # Said anew, it replaces the former.
    alice.post(path, {"came_true": True})
    assert Outcome.objects.get().surprise == pytest.approx(1 - confidence)
    assert "It proved right." in Entry.objects.get(kind="outcome").content
    voter = debate.ballots.first().voter
    factories.make_agent(voter)
    agent = alice.get(f"/api/v1/agents/{voter}/calibration").json()
    assert (agent["count"], agent["brier"]) == (1, pytest.approx(0.25**2, abs=1e-3))


def test_only_its_owner_records_an_outcome(db: None) -> None:
    fields = owned("alice")
    debate = decided(**{**fields, "visibility": Visibility.PUBLIC})
    stranger = signed_in(factories.make_user("charlie"))
    path = f"/api/v1/debates/{debate.slug}/outcome"
    assert stranger.post(path, {"came_true": True}).status_code == 403
    assert Api().post(path, {"came_true": True}).status_code == 401
    running = factories.make_debate(owner=fields["owner"])
    path = f"/api/v1/debates/{running.slug}/outcome"
    assert signed_in(fields["owner"]).post(path, {"came_true": True}).status_code == 409
    assert not Outcome.objects.exists()


# --- Pages -------------------------------------------------------------------------------------


def page(client: Client, path: str, **params: str) -> str:
    answer = client.get(path, params)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_form_says_what_was_settled_and_builds_on_it(client: Client) -> None:
    decided()
    debate = decided()  # To the same answer.
    factories.make_agent("ada")
    asked = client.post(
        "/estimate/", {"question": TRAM, "agents": ["ada"]}, headers={"Accept": "application/json"}
    ).json()
    (settled,) = asked["settled"]
    assert settled["url"] == f"/debates/{debate.slug}/"
    form = page(client, "/", build_on=debate.slug)
    assert TRAM in form
    assert "What an earlier debate decided" in form
    other = client.post(
        "/estimate/", {"question": HEATING}, headers={"Accept": "application/json"}
    ).json()
    assert other["settled"] == []


@pytest.mark.parametrize("models", [False, True])
def test_what_extractive_agents_came_to_is_labelled(client: Client, models: bool) -> None:
    make = factories.make_model_spec if models else factories.make_spec
    decided(panel=[make("ada"), make("ben")])
    label = "by extractive agents, not language models"
    entry = Entry.objects.get(kind="decision")
    for path in ("/memory/", "/memory/?q=tram", f"/memory/{entry.pk}/"):
        assert (label in page(client, path)) is not models
    asked = {"question": TRAM}
    (settled,) = client.post("/estimate/", asked, headers={"Accept": "application/json"}).json()[
        "settled"
    ]
    assert settled["by"] == ("" if models else label)
    form = client.post("/estimate/", asked).content.decode()
    assert f"({settled['confidence']}{'' if models else f', {label}'})" in form
    answer = Api().get("/api/v1/consensus/settled", {"min_confidence": 0.1}).json()
    assert answer["topics"][0]["by_language_models"] is models
    again = factories.make_debate(question=TRAM)
    embedded = get_service().embed([TRAM])
    (recalled,) = settled_for(again, reach=Reach(), embedded=embedded)
    assert recalled["by_language_models"] is models


def test_the_memory_page_says_where_there_is_memory(client: Client) -> None:
    decided(HEATING)
    left = Entry.objects.count()
    assert "Whose memory" not in page(client, "/memory/")
    fields = owned("alice")
    client.force_login(fields["owner"])
    empty = page(client, "/memory/")
    assert "Nothing is remembered yet" in empty
    assert f'?of=open">People without an account</a> ({left} entries)' in empty
    assert HEATING in page(client, "/memory/", of="open")
    entry = Entry.objects.get(kind="decision")
    assert "of people without an account" in page(client, f"/memory/{entry.pk}/").lower()
    assert client.get(f"/memory/{entry.pk}/forget/").status_code == 404  # Only to look at.
    assert client.get("/memory/export/", {"of": "open"}).json()["count"] == left
    decided(**fields)
    mine = page(client, "/memory/")
    assert TRAM in mine
    assert HEATING not in mine
    assert TRAM not in page(client, "/memory/", of="open")


def test_each_workspace_s_memory_by_itself(client: Client) -> None:
    fields = owned("alice")
    team = Workspace.objects.create(name="Trams", slug="trams-1")
    strangers = Workspace.objects.create(name="Theirs", slug="theirs-1")
    Membership.objects.create(workspace=team, user=fields["owner"], role=Role.MEMBER)
    decided(**fields)
    decided(HEATING, **{**fields, "workspace": team, "visibility": Visibility.WORKSPACE})
    client.force_login(fields["owner"])
    both = page(client, "/memory/")
    assert TRAM in both
    assert HEATING in both
    theirs = page(client, "/memory/", of="trams-1", tier="slow")
    assert HEATING in theirs
    assert TRAM not in theirs
    assert "?of=trams-1&amp;tier=glacial" in theirs
    unknown = page(client, "/memory/", of=strangers.slug)
    assert TRAM in unknown  # What was not hers to choose is no choice.
    assert "Theirs" not in unknown


def test_the_memory_page(client: Client) -> None:
    fields = owned("alice")
    debate = decided(**fields)
    assert "Nothing is remembered" in page(client, "/memory/")
    client.force_login(fields["owner"])
    decision = Entry.objects.get(kind="decision")
    assert TRAM in page(client, "/memory/")
    assert "found because it is" in page(client, "/memory/", q="tram town")
    assert "Nothing that is remembered" in page(client, "/memory/", q="quantum chromodynamics")
    assert "in this tier" in page(client, "/memory/", tier="fast")
    why = page(client, f"/memory/{decision.pk}/")
    assert "a debate came to it" in why
    assert debate.slug in why
    for action, tier in (("promote", "glacial"), ("pin", "glacial"), ("unpin", "glacial")):
        client.post(f"/memory/{decision.pk}/change/", {"action": action})
        decision.refresh_from_db()
        assert decision.tier == tier
    assert client.get("/memory/export/").json()["count"] == Entry.objects.count()
    assert "Forget it" in page(client, f"/memory/{decision.pk}/forget/")
    client.post(f"/memory/{decision.pk}/change/", {"action": "forget"})
    assert client.get(f"/memory/{decision.pk}/").status_code == 404
    client.post("/memory/fact/", {"content": "The town has 9,000 people."})
    assert Entry.objects.get(kind="fact").pinned
    client.force_login(factories.make_user("charlie"))
    fact = Entry.objects.get(kind="fact")
    assert client.get(f"/memory/{fact.pk}/").status_code == 404
    assert client.post(f"/memory/{fact.pk}/change/", {"action": "forget"}).status_code == 404
    assert client.get("/memory/export/").json()["count"] == 0


def test_the_debate_page_records_an_outcome(client: Client) -> None:
    fields = owned("alice")
    debate = decided(**fields)
    client.force_login(fields["owner"])
    assert "Record how it came out" in page(client, f"/debates/{debate.slug}/")
    answer = client.post(f"/debates/{debate.slug}/outcome/", {"came_true": "wrong"}, follow=True)
    assert "The decision proved wrong" in answer.content.decode()
    client.post(f"/debates/{debate.slug}/outcome/", {"came_true": "perhaps"})
    assert not Outcome.objects.get().came_true
    assert debates_visible_to(fields["owner"]).get(outcome__came_true=False) == debate


def test_a_question_that_was_deleted_leaves_the_vectors_at_hand() -> None:
    kept, gone = decided(), decided(TRAMS)
    embedder = QuestionVector.objects.get(debate=kept).embedder
    if is_indexed(QuestionVector):
        return  # Then none are kept.
    assert keys_at_hand(embedder) == keys_of(kept, gone)
    gone.delete()
    newest = decided(HEATING)
    assert keys_at_hand(embedder) > keys_of(newest), "what is new is there at once"
    forget_a_minute()
    assert keys_at_hand(embedder) == keys_of(kept, newest)


def test_only_the_newest_questions_are_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    first = decided()
    embedder = QuestionVector.objects.get(debate=first).embedder
    if is_indexed(QuestionVector):
        return  # Then none are kept.
    monkeypatch.setattr(questions, "MOST", 2)
    assert keys_at_hand(embedder) == keys_of(first)
    later = [decided(question) for question in (TRAMS, HEATING)]
    assert keys_at_hand(embedder) == keys_of(*later)
    forget_a_minute()
    with CaptureQueriesContext(connection) as asked:
        found = keys_at_hand(embedder)
    assert found == keys_of(*later)
    assert len(asked) == 2, "it is counted, and looked for what is new; nothing is read again"


def keys_at_hand(embedder: str) -> set[int]:
    return {int(key) for key in all_questions(embedder).ids}


def keys_of(*debates: Debate) -> set[int]:
    return set(QuestionVector.objects.filter(debate__in=debates).values_list("pk", flat=True))


def forget_a_minute() -> None:
    """The next look is one that checks."""
    for at_hand in questions._at_hand.values():
        at_hand._check_at = 0.0
