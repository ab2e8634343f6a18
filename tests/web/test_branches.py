"""What the page makes of a debate, without scripts: a clone, a follow-up, a fork, the archive."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from debates.choices import DebateStatus, EventType, Origin, Visibility
from debates.engine.codec import encode_reply
from debates.engine.types import Position
from debates.models import Agent, Debate
from tests import factories

SignIn = Callable[[User | None], Client]
EDIT = "/debates/{}/{}/"


@pytest.fixture
def parent(alice: User, agents: list[str]) -> Debate:
    """alice's, decided; ada and ben said Yes, cleo No."""
    debate = factories.make_debate(
        owner=alice,
        visibility=Visibility.PRIVATE,
        status=DebateStatus.COMPLETED,
        context="A town of forty thousand.",
    )
    factories.make_round(debate)
    factories.make_event(debate, EventType.ROUND_START, round_number=0, total_rounds=3)
    factories.make_event(
        debate, EventType.PHASE_CHANGE, round_number=0, from_phase="", to_phase="draft"
    )
    for agent, answer in (("ada", "Yes"), ("ben", "Yes"), ("cleo", "No")):
        reply = encode_reply(Position(answer, "The figures say so.", 0.7))
        factories.make_turn(debate, agent, reply=reply, text=answer)
        factories.make_proposal(debate, agent, answer)
    factories.make_verdict(debate)
    return debate


@pytest.fixture
def hers(alice: User, sign_in: SignIn) -> Client:
    """alice's browser."""
    return sign_in(alice)


def page(client: Client, debate: Debate, part: str = "") -> str:
    response = client.get(f"/debates/{debate.slug}/{part}")
    assert response.status_code == 200
    return response.content.decode()


def send(client: Client, debate: Debate, part: str, **fields: Any) -> Any:
    return client.post(EDIT.format(debate.slug, part), fields)


def made(response: Any) -> Debate:
    assert response.status_code == 302, response.content.decode()
    debate = Debate.objects.latest("created_at")
    assert response.headers["Location"] == f"/debates/{debate.slug}/"
    return debate


def key_in(html: str) -> str:
    found = re.search(r'name="idempotency_key" value="(\w+)"', html)
    assert found
    return found[1]


def test_held_once_more(hers: Client, parent: Debate) -> None:
    key = key_in(page(hers, parent))
    clone = made(send(hers, parent, "clone", idempotency_key=key))
    assert (clone.origin, clone.parent, clone.question) == (Origin.CLONE, parent, parent.question)
    # The button is pressed twice.
    assert made(send(hers, parent, "clone", idempotency_key=key)) == clone
    assert made(send(hers, parent, "clone", idempotency_key=key_in(page(hers, parent)))) != clone


def test_an_agent_that_is_gone_is_named(hers: Client, parent: Debate) -> None:
    Agent.objects.filter(name="cleo").delete()
    response = hers.post(EDIT.format(parent.slug, "clone"), follow=True)
    assert "There is no agent “cleo”." in response.content.decode()
    html = send(hers, parent, "fork", branch_point="0", agents=["ada", "cleo"]).content.decode()
    assert 'href="#agents">There is no agent “cleo”.' in html
    assert Debate.objects.count() == 1


def test_a_follow_up(hers: Client, parent: Debate) -> None:
    html = page(hers, parent, "followup/")
    assert "Yes</blockquote>" in html
    branch = made(
        send(
            hers,
            parent,
            "followup",
            question="And by when?",
            context="Soon.\r\nIt is late.",
            idempotency_key=key_in(html),
        )
    )
    assert (branch.question, branch.origin) == ("And by when?", Origin.FOLLOW_UP)
    assert branch.context.startswith("A town of forty thousand.")
    assert "Decided before: Yes" in branch.context
    assert branch.context.endswith("Soon.\nIt is late.")


def test_nothing_is_lost_where_something_is_wrong(hers: Client, parent: Debate) -> None:
    html = send(hers, parent, "followup", context="It is late.").content.decode()
    assert 'href="#question">Ask a question.' in html
    assert ">It is late.</textarea>" in html
    html = send(hers, parent, "followup", question="x" * 10_001).content.decode()
    assert "Use at most 10,000 characters" in html
    html = send(
        hers, parent, "fork", branch_point="7", context="It is late.", agents=["ada", "ben"]
    ).content.decode()
    assert 'href="#branch_point">Choose a round of the debate.' in html
    assert ">It is late.</textarea>" in html
    assert Debate.objects.count() == 1


def test_a_fork(hers: Client, parent: Debate) -> None:
    html = page(hers, parent, "fork/")
    assert ">A town of forty thousand.</textarea>" in html
    assert html.count('name="agents"') == 4
    assert len(re.findall(r'name="agents" value="\w+" checked', html)) == 3
    fork = made(
        send(
            hers,
            parent,
            "fork",
            branch_point="0",
            context="Twice as large.",
            agents=["ada", "cleo", "dora"],
            idempotency_key=key_in(html),
        )
    )
    assert (fork.origin, fork.branch_point, fork.context) == (Origin.FORK, 0, "Twice as large.")
    assert sorted(fork.turns.values_list("agent", flat=True)) == ["ada", "cleo"]
    told = page(hers, fork)
    assert "This debate argues another one anew after the blind answers." in told
    assert '<a href="#branches">Fork</a>' in told
    assert "The figures say so." in told


def test_what_cannot_be_is_not_offered(hers: Client, parent: Debate) -> None:
    Debate.objects.filter(pk=parent.pk).update(status=DebateStatus.RUNNING, completed_at=None)
    parent.verdict.delete()
    html = page(hers, parent)
    assert re.search(r'/followup/"[^>]* hidden>', html)
    assert re.search(r'/fork/"[^>]* hidden>', html)
    assert re.search(r'value="archive"[^>]* hidden>', html)
    assert "There is no verdict to follow up on" in page(hers, parent, "followup/")
    assert "It can be forked when it is over" in page(hers, parent, "fork/")
    for part, fields in (
        ("followup", {"question": "And by when?"}),
        ("fork", {"branch_point": "0", "agents": ["ada", "ben", "cleo"]}),
        ("archive", {"action": "archive"}),
    ):
        response = hers.post(EDIT.format(parent.slug, part), fields, follow=True)
        assert "The debate is running" in response.content.decode(), part
    assert Debate.objects.count() == 1


def test_put_away_and_taken_back(hers: Client, parent: Debate) -> None:
    response = send(hers, parent, "archive", action="archive")
    assert response.headers["Location"] == f"/debates/{parent.slug}/#branches"
    html = page(hers, parent)
    assert "out of the lists" in html
    assert "Take it out of the archive" in html
    assert parent.slug not in hers.get("/debates/").content.decode()
    archive = hers.get("/debates/?archived=1").content.decode()
    assert parent.slug in archive
    assert 'name="archived" value="1" checked' in archive
    send(hers, parent, "archive", action="unarchive")
    assert parent.slug in hers.get("/debates/").content.decode()
    assert parent.slug not in hers.get("/debates/?archived=1").content.decode()


def test_both_sides_are_linked(hers: Client, parent: Debate) -> None:
    clone = made(send(hers, parent, "clone"))
    further = made(send(hers, parent, "followup", question="And by when?"))
    html = page(hers, parent)
    for child in (clone, further):
        assert f'<a href="/debates/{child.slug}/">' in html
        assert f'<a href="/debates/{parent.slug}/">' in page(hers, child)


def test_links_lead_only_where_the_reader_may_go(
    hers: Client, parent: Debate, charlie: User, sign_in: SignIn
) -> None:
    clone = made(send(hers, parent, "clone"))
    Debate.objects.filter(pk=clone.pk).update(visibility=Visibility.PUBLIC)
    html = page(sign_in(charlie), clone)
    assert "This debate holds another one once more." in html
    assert "not yours to read" in html
    assert parent.slug not in html
    Debate.objects.update(visibility=Visibility.PUBLIC)
    Debate.objects.filter(pk=clone.pk).update(visibility=Visibility.PRIVATE)
    assert clone.slug not in page(sign_in(charlie), parent)


def test_others_are_offered_what_is_theirs_to_do(
    parent: Debate, charlie: User, sign_in: SignIn, configure: Callable[..., None]
) -> None:
    Debate.objects.update(visibility=Visibility.PUBLIC)
    html = page(sign_in(charlie), parent)
    assert "/clone/" in html
    assert "/archive/" not in html
    assert send(sign_in(charlie), parent, "archive", action="archive").status_code == 403
    configure(allow_anonymous_debates=False)
    assert 'id="branches"' not in page(Client(), parent)
    for part, fields in (("clone", {}), ("followup", {"question": "And by when?"})):
        sent = Client().post(EDIT.format(parent.slug, part), fields)
        assert sent.headers["Location"].startswith("/sign-in/?next=/debates/")
    assert Debate.objects.count() == 1


@pytest.mark.parametrize("part", ["clone", "followup", "fork", "archive"])
def test_the_form_has_to_come_from_the_page(part: str, parent: Debate, alice: User) -> None:
    forger = Client(enforce_csrf_checks=True)
    forger.force_login(alice)
    fields = {"question": "And by when?", "branch_point": "0", "agents": ["ada", "ben", "cleo"]}
    assert forger.post(EDIT.format(parent.slug, part), fields).status_code == 403
    assert Debate.objects.filter(archived_at=None).count() == 1
