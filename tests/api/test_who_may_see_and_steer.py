"""A private debate is not there for others; a public one may be read but not steered."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from debates.choices import DebateStatus, Visibility
from debates.models import Debate
from tests import factories
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db

PARTS = [
    *("", "/messages", "/events", "/rounds", "/votes", "/agents", "/convergence"),
    *("/consensus", "/summary", "/costs", "/timeline", "/metadata"),
]
STEERING = ["cancel", "pause", "resume", "start", "stop"]


@pytest.fixture
def private(alice: User) -> Debate:
    return factories.make_debate(owner=alice, visibility=Visibility.PRIVATE)


@pytest.fixture
def public(alice: User) -> Debate:
    return factories.make_debate(owner=alice, visibility=Visibility.PUBLIC)


@pytest.fixture
def strangers(as_bob: Api, as_charlie: Api, anybody: Api) -> list[Api]:
    return [as_bob, as_charlie, anybody]


@pytest.mark.parametrize("part", PARTS)
def test_a_private_debate_is_its_owners_alone(
    private: Debate, part: str, as_alice: Api, strangers: list[Api]
) -> None:
    for ref in (str(private.pk), private.slug):
        path = f"/api/v1/debates/{ref}{part}"
        assert as_alice.get(path).status_code == 200
        for stranger in strangers:
            assert stranger.get(path).status_code == 404


def test_lists_hold_what_the_caller_may_see(
    private: Debate, public: Debate, as_alice: Api, as_charlie: Api, anybody: Api
) -> None:
    for path in ("/api/v1/debates", "/api/v1/debates/active"):
        assert _ids(as_alice, path) == {str(private.pk), str(public.pk)}
        assert _ids(as_charlie, path) == _ids(anybody, path) == {str(public.pk)}


@pytest.mark.parametrize("act", STEERING)
def test_a_private_debate_cannot_be_steered_by_others(
    private: Debate, act: str, as_charlie: Api, anybody: Api
) -> None:
    for stranger in (as_charlie, anybody):
        assert stranger.post(f"/api/v1/debates/{private.pk}/{act}").status_code == 404
    private.refresh_from_db()
    assert private.status == DebateStatus.PENDING


@pytest.mark.parametrize("act", STEERING)
def test_a_public_debate_is_steered_by_its_owner_alone(
    public: Debate, act: str, as_charlie: Api, anybody: Api
) -> None:
    refused = as_charlie.post(f"/api/v1/debates/{public.pk}/{act}")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    refused = anybody.post(f"/api/v1/debates/{public.pk}/{act}")
    assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_required")


@pytest.mark.parametrize(
    "change",
    [
        lambda api, path: api.send("PATCH", path, {"title": "Mine now"}),
        lambda api, path: api.send("DELETE", path),
    ],
    ids=["PATCH", "DELETE"],
)
def test_others_may_not_edit_or_delete(
    public: Debate, private: Debate, change: Callable[..., Any], as_bob: Api, anybody: Api
) -> None:
    assert change(as_bob, f"/api/v1/debates/{public.pk}").status_code == 403
    assert change(anybody, f"/api/v1/debates/{public.pk}").status_code == 401
    for stranger in (as_bob, anybody):
        assert change(stranger, f"/api/v1/debates/{private.pk}").status_code == 404
    assert Debate.objects.filter(title="").count() == 2


def _ids(api: Api, path: str) -> set[str]:
    return {item["id"] for item in api.get(path).json()["items"]}
