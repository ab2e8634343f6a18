"""Requests are counted, told how many are left, and refused beyond: by tier, by name, by path."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from unittest.mock import ANY

import pytest
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from debates.choices import DebateStatus
from debates.models import Debate
from ratelimit import callers
from ratelimit.limiter import get_limiter
from ratelimit.models import Membership, Role, Workspace
from ratelimit.policy import PROBES
from ratelimit.tiers import Tier
from ratelimit.workspaces import personal_workspace
from tests.factories import make_agent, make_api_key, make_debate
from tests.ratelimit.conftest import ALICE, CHARLIE, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("limits")]

AGENTS = "/api/v1/agents"
FIELDS = {
    "RateLimit",
    "RateLimit-Policy",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
}

# draft-ietf-httpapi-ratelimit-headers-10: lists of strings with parameters (RFC 9651).
ITEM = r'"[a-z-]+"'
POLICY = re.compile(rf"{ITEM};q=\d+;w=[1-9]\d*;aragora-burst=\d+")
LIMIT = re.compile(rf"{ITEM};r=\d+;t=\d+")


def set_tier(user: User, tier: Tier) -> None:
    workspace = personal_workspace(user)
    workspace.tier = tier.value
    workspace.save()
    callers.tiers.forget()


def use_up(client: Client, path: str = AGENTS) -> int:
    """How many calls pass before the first that does not."""
    for passed in range(1000):
        if client.get(path).status_code == HTTPStatus.TOO_MANY_REQUESTS:
            return passed
    raise AssertionError("never refused")


# --- Tiers -------------------------------------------------------------------------------------


def test_a_stranger_has_30_a_minute_and_60_at_once(as_charlie: Client) -> None:
    answer = as_charlie.get(AGENTS)
    assert answer["X-RateLimit-Limit"] == "30"
    assert answer["X-RateLimit-Remaining"] == "59"
    assert answer["RateLimit"] == '"anonymous";r=59;t=2'
    assert answer["RateLimit-Policy"] == (
        '"address";q=120;w=60;aragora-burst=240, "anonymous";q=30;w=60;aragora-burst=60'
    )
    assert 0 <= int(answer["X-RateLimit-Reset"]) - time.time() <= 3
    # One more came every two seconds meanwhile.
    assert 59 <= use_up(as_charlie) <= 65


def test_alice_has_60_a_minute_and_her_limit_is_hers_alone(
    as_alice: Client, as_bob: Client
) -> None:
    assert as_alice.get(AGENTS)["RateLimit"].startswith('"authenticated";r=119')
    assert 118 <= use_up(as_alice) <= 130
    assert as_bob.get(AGENTS)["X-RateLimit-Remaining"] == "119"


def test_premium_has_300_and_is_not_held_by_its_address(alice: User, as_alice: Client) -> None:
    set_tier(alice, Tier.PREMIUM)
    answer = as_alice.get(AGENTS)
    assert answer["X-RateLimit-Limit"] == "300"
    assert answer["RateLimit-Policy"] == '"premium";q=300;w=60;aragora-burst=600'


def test_internal_is_not_counted(alice: User, as_alice: Client) -> None:
    set_tier(alice, Tier.INTERNAL)
    answers = [as_alice.get(AGENTS) for _ in range(300)]
    assert {answer.status_code for answer in answers} == {HTTPStatus.OK}
    assert not FIELDS & set(answers[0].headers)


def test_an_address_is_counted_over_the_accounts_behind_it(
    alice: User, bob: User, configure: Callable[..., None]
) -> None:
    configure(ip_rate_limit=5, burst_multiplier=1.0)
    here = [signed_in(user, ALICE) for user in (alice, bob)]
    answers = [here[number % 2].get(AGENTS) for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1]["RateLimit"].startswith('"address";r=0;t=')
    assert signed_in(bob, CHARLIE).get(AGENTS).status_code == HTTPStatus.OK


def test_another_tier_holds_at_once_where_it_was_set(alice: User, as_alice: Client) -> None:
    assert as_alice.get(AGENTS)["X-RateLimit-Limit"] == "60"
    set_tier(alice, Tier.PREMIUM)
    assert as_alice.get(AGENTS)["X-RateLimit-Limit"] == "300"


def test_another_process_knows_it_after_a_short_while(alice: User) -> None:
    now = 0.0
    tiers = callers.Tiers(clock=lambda: now)
    assert tiers.of(alice.pk) is Tier.AUTHENTICATED
    set_tier(alice, Tier.PREMIUM)
    assert tiers.of(alice.pk) is Tier.AUTHENTICATED
    now = callers.TIER_SECONDS
    assert tiers.of(alice.pk) is Tier.PREMIUM


def test_the_tier_costs_no_query_a_request(
    as_alice: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    as_alice.get(AGENTS)
    # The session, the user, the agents and, in a test's transaction, their ratings.
    with django_assert_num_queries(4):
        as_alice.get(AGENTS)


# --- Keys: the seam ----------------------------------------------------------------------------


class Key:
    """What identity puts on a request that came by an API key."""

    def __init__(self, workspace: Workspace | None, *, user_id: int = 7, kind: str = "key") -> None:
        self.workspace, self.user_id, self.kind = workspace, user_id, kind


def by_key(key: Key) -> callers.Caller:
    request = ASGIRequest({"method": "GET", "path": AGENTS, "headers": []}, ANY)
    request.api_key = key  # type: ignore[attr-defined]
    return callers.caller_of(request, ALICE)


def test_keys_are_counted_with_the_workspace_that_they_belong_to(alice: User) -> None:
    own = personal_workspace(alice)
    team = Workspace.objects.create(name="Team", slug="team", tier=Tier.PREMIUM.value)
    assert by_key(Key(own)) == callers.Caller(f"user:{alice.pk}", Tier.AUTHENTICATED)
    assert by_key(Key(None, user_id=alice.pk)).name == f"user:{alice.pk}"
    assert by_key(Key(team)) == callers.Caller(f"workspace:{team.pk}", Tier.PREMIUM)
    assert by_key(Key(own, kind="internal")).tier is Tier.INTERNAL


def test_many_workspaces_of_ones_own_are_no_way_round_the_limit(
    alice: User, configure: Callable[..., None]
) -> None:
    configure(rate_limit=10, ip_rate_limit=1000, burst_multiplier=1.0)
    passed = 0
    for number in range(3):
        made = Workspace.objects.create(name="Mine", slug=f"mine-{number}")
        Membership.objects.create(workspace=made, user=alice, role=Role.OWNER)
        _, token = make_api_key(alice, workspace=made)
        passed += use_up(Client(REMOTE_ADDR=ALICE, headers={"authorization": f"Bearer {token}"}))
    assert passed == 10


# --- What is counted ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(PROBES - {"/metrics"}))
def test_probes_are_never_refused(
    as_charlie: Client, configure: Callable[..., None], path: str
) -> None:
    configure(rate_limit=1, ip_rate_limit=1, burst_multiplier=1.0)
    answers = [as_charlie.get(path) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {HTTPStatus.OK}
    assert not FIELDS & set(answers[0].headers)


def test_looking_at_pages_is_counted_by_address_alone(as_charlie: Client) -> None:
    answer = as_charlie.get("/about/")
    assert answer["RateLimit-Policy"] == '"address";q=120;w=60;aragora-burst=240'
    assert as_charlie.get("/no-such-page")["X-RateLimit-Remaining"] == "238"


def test_starting_debates_is_counted_once_more(
    as_charlie: Client, configure: Callable[..., None]
) -> None:
    configure(allow_anonymous_debates=True)
    for name in ("ada", "ben", "cleo"):
        make_agent(name)
    body = {"task": "Should the town build the tram?"}

    def start(**change: Any) -> HttpResponse:
        return as_charlie.post("/api/v1/debates", body | change, "application/json")  # type: ignore[return-value]

    # A call that starts nothing takes nothing from the debates.
    for _ in range(10):
        assert start(rounds=10_000).status_code == HTTPStatus.BAD_REQUEST
    answers = [start() for _ in range(7)]
    assert [answer.status_code for answer in answers] == [201] * 6 + [429]
    assert answers[0]["RateLimit"].startswith('"debates";r=5;t=')
    assert answers[-1]["RateLimit-Policy"].endswith('"debates";q=3;w=60;aragora-burst=6')
    assert 1 <= int(answers[-1]["Retry-After"]) <= 20
    # Other calls go on, and so does the start of a debate elsewhere.
    assert as_charlie.get(AGENTS).status_code == HTTPStatus.OK


def test_a_form_with_a_mistake_is_no_debate(
    as_charlie: Client, configure: Callable[..., None]
) -> None:
    configure(allow_anonymous_debates=True)
    for name in ("ada", "ben", "cleo"):
        make_agent(name)
    for _ in range(10):
        assert as_charlie.post("/", {"question": ""}).status_code == HTTPStatus.OK
    form = {"question": "Should the town build the tram?", "agents": ["ada", "ben", "cleo"]}
    answer = as_charlie.post("/examples/0/", form)
    assert answer.status_code == HTTPStatus.FOUND
    assert answer["RateLimit"].startswith('"debates";r=5')
    assert as_charlie.post("/examples/0/", form)["RateLimit"].startswith('"debates";r=4')


def test_what_leads_back_to_a_debate_or_to_one_that_was_started_is_no_start(
    as_alice: Client, alice: User
) -> None:
    for name in ("ada", "ben"):
        make_agent(name)
    debate = make_debate(owner=alice, status=DebateStatus.COMPLETED)
    body = {"question": "Tram?", "agents": ["ada", "ben"]}

    def start(client: Client) -> Any:
        headers = {"Idempotency-Key": "once"}
        return client.post(
            "/api/v1/debates", body, content_type="application/json", headers=headers
        )

    first = start(as_alice)
    assert (first.status_code, start(as_alice).json()) == (201, first.json())
    key = {"idempotency_key": "once"}
    held = [as_alice.post(f"/debates/{first.json()['slug']}/clone/", key) for _ in range(2)]
    assert held[0]["Location"] == held[1]["Location"]
    # cleo is gone, so this one cannot be held once more.
    for _ in range(12):
        refused = as_alice.post(f"/debates/{debate.slug}/clone/")
        assert refused["Location"] == f"/debates/{debate.slug}/#branches"
    assert Debate.objects.count() == 3
    assert start(as_alice)["RateLimit"].startswith('"debates";r=9;')


# --- This machine itself -----------------------------------------------------------------------


def test_the_only_person_of_an_embedded_server_is_not_counted(
    db: None, configure: Callable[..., None]
) -> None:
    configure(limit_loopback=False, rate_limit=1, ip_rate_limit=1)
    local = Client()
    assert {local.get(AGENTS).status_code for _ in range(5)} == {HTTPStatus.OK}
    # A proxy on this machine that nobody told us of does not let the internet in.
    headers = {"X-Forwarded-For": "198.51.100.7"}
    answers = [local.get(AGENTS, headers=headers).status_code for _ in range(5)]
    assert HTTPStatus.TOO_MANY_REQUESTS in answers


def test_a_client_behind_a_trusted_proxy_is_itself(
    db: None, configure: Callable[..., None]
) -> None:
    configure(trusted_proxies=("10.0.0.0/8",), rate_limit=2, burst_multiplier=1.0)
    proxy = Client(REMOTE_ADDR="10.0.0.1")

    def ask(forwarded_for: str) -> int:
        return proxy.get(AGENTS, headers={"X-Forwarded-For": forwarded_for}).status_code

    assert [ask(f"192.0.2.{number}, 198.51.100.7") for number in range(3)] == [200, 429, 429]
    assert ask("198.51.100.8") == HTTPStatus.OK
    assert [ask(f"2001:db8::{number}") for number in range(2)] == [200, 429]


# --- Answers -----------------------------------------------------------------------------------


def test_the_api_is_refused_in_its_own_form(
    as_charlie: Client, configure: Callable[..., None]
) -> None:
    configure(rate_limit=4, burst_multiplier=1.0)
    assert use_up(as_charlie) == 2
    answer = as_charlie.get(AGENTS)
    assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert answer.json() == {
        "error": ANY,
        "code": "rate_limited",
        "trace_id": answer["X-Request-Id"],
        "errors": [],
    }
    wait = int(answer["Retry-After"])
    assert 25 <= wait <= 30
    assert f"wait {wait} seconds" in answer.json()["error"]
    assert answer["RateLimit"] == f'"anonymous";r=0;t={wait}'
    problem = as_charlie.get(AGENTS, headers={"Accept": "application/problem+json"})
    assert problem["Content-Type"] == "application/problem+json"
    assert problem.json()["status"] == HTTPStatus.TOO_MANY_REQUESTS


def test_a_page_is_refused_as_a_page(as_charlie: Client, configure: Callable[..., None]) -> None:
    configure(ip_rate_limit=3, burst_multiplier=1.0)
    assert use_up(as_charlie, "/about/") == 3
    answer = as_charlie.get("/about/")
    assert answer["Content-Type"].startswith("text/html")
    assert f"Wait {answer['Retry-After']} seconds" in answer.content.decode()


def test_every_counted_answer_tells_in_the_drafts_syntax(
    as_charlie: Client, configure: Callable[..., None]
) -> None:
    configure(rate_limit=4, burst_multiplier=1.5)
    statuses = set()
    for path in (AGENTS, "/about/", "/no-such-page", f"{AGENTS}/nobody") * 3:
        answer = as_charlie.get(path)
        statuses.add(answer.status_code)
        assert set(answer.headers) >= FIELDS
        assert LIMIT.fullmatch(answer["RateLimit"])
        policies = answer["RateLimit-Policy"].split(", ")
        assert all(POLICY.fullmatch(policy) for policy in policies)
        assert answer["RateLimit"].partition(";")[0] in {p.partition(";")[0] for p in policies}
    assert statuses == {200, 404, 429}


def test_who_is_refused_is_counted_for_the_operator(
    as_charlie: Client, configure: Callable[..., None]
) -> None:
    configure(rate_limit=2, burst_multiplier=1.0)
    use_up(as_charlie)
    assert [entry.name for entry in get_limiter().limited()] == [f"anonymous:{CHARLIE}"]


def test_it_is_on_by_default_wherever_others_can_come(settings: Any) -> None:
    from aragora_site.environment import Environment

    def limited(**variables: str) -> bool | None:
        return Environment.read(variables)[0].limit_loopback

    assert limited() is False
    assert limited(ARAGORA_HOST="203.0.113.9")
    assert limited(ARAGORA_REDIS_URL="redis://localhost")
    assert limited(ARAGORA_RATE_LIMIT="60")
    assert limited(ARAGORA_ALLOWED_HOSTS="aragora.example.com")
    assert limited(ARAGORA_TRUSTED_PROXIES="127.0.0.1")
    assert limited(ARAGORA_LIMIT_LOOPBACK="true")
    assert limited(ARAGORA_HOST="203.0.113.9", ARAGORA_LIMIT_LOOPBACK="false") is False
    assert replace(settings.ARAGORA).limit_loopback
