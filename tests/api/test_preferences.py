"""What a person's new debates begin with, over HTTP: theirs alone, and right or not at all."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from debates.models import Preferences
from ratelimit.models import Scope
from tests.api.conftest import Api
from tests.factories import make_api_key

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("panel")]

PREFERENCES = "/api/v1/preferences"
COMMON = {
    "agents": [],
    "protocol": "adaptive",
    "rounds": 3,
    "consensus": "auto",
    "decision": "auto",
    "budget_limit_usd": None,
    "use_memory": True,
    "updated_at": None,
}
CHOSEN = {
    "agents": ["Cleo", "ada"],
    "protocol": "classic",
    "rounds": 5,
    "consensus": "unanimous",
    "budget_limit_usd": 0.5,
    "use_memory": False,
}


def told(api: Api) -> Any:
    return api.get(PREFERENCES).json()


def test_they_are_kept_for_the_person_alone(as_alice: Api, as_bob: Api) -> None:
    assert told(as_alice) == COMMON
    changed = as_alice.send("PATCH", PREFERENCES, CHOSEN)
    assert changed.status_code == 200, changed.content
    assert changed.json() == {
        **CHOSEN,
        "agents": ["ada", "cleo"],
        "consensus": "unanimity",
        "decision": "unanimity",
        "updated_at": changed.json()["updated_at"],
    }
    assert told(as_alice) == changed.json()
    assert told(as_bob) == COMMON


def test_what_is_not_named_stays_and_null_goes_back(as_alice: Api) -> None:
    as_alice.send("PATCH", PREFERENCES, CHOSEN)
    as_alice.send("PATCH", PREFERENCES, {"rounds": 1, "agents": None, "decision": "borda"})
    found = told(as_alice)
    assert (found["rounds"], found["agents"], found["consensus"]) == (1, [], "borda")
    assert (found["protocol"], found["budget_limit_usd"]) == ("classic", 0.5)
    assert as_alice.send("PATCH", PREFERENCES, {}).json() == found


def test_a_reset_forgets_all_of_it_and_may_be_repeated(as_alice: Api) -> None:
    as_alice.send("PATCH", PREFERENCES, CHOSEN)
    for _ in range(2):
        assert as_alice.send("DELETE", PREFERENCES).json() == COMMON
    assert told(as_alice) == COMMON
    assert not Preferences.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("agents", ["ada"]),
        ("agents", ["ada", "ada"]),
        ("agents", ["ada", "nobody"]),
        ("agents", ["ada", "\0"]),
        ("agents", "ada"),
        ("protocol", "shouting"),
        ("consensus", "dice"),
        ("rounds", 0),
        ("rounds", 13),
        ("rounds", True),
        ("rounds", "4"),
        ("budget_limit_usd", 0),
        ("budget_limit_usd", "NaN"),
        ("budget_limit_usd", 1e9),
        ("budget_limit_usd", True),
        ("use_memory", "no"),
        ("roundz", 3),
    ],
)
def test_what_is_wrong_changes_nothing(as_alice: Api, field: str, value: Any) -> None:
    as_alice.send("PATCH", PREFERENCES, CHOSEN)
    before = told(as_alice)
    refused = as_alice.send("PATCH", PREFERENCES, {"use_memory": True, field: value})
    assert refused.status_code == 400, refused.content
    assert field in refused.json()["errors"][0]["field"]
    assert told(as_alice) == before


def test_nobody_has_none(anybody: Api) -> None:
    assert anybody.get(PREFERENCES).status_code == 401
    assert anybody.send("PATCH", PREFERENCES, {"rounds": 2}).status_code == 401


def test_a_key_that_may_only_write_debates_may_not_change_them(alice: User) -> None:
    _, token = make_api_key(alice, scope=Scope.WRITE)
    bearer = {"authorization": f"Bearer {token}"}
    assert Api().get(PREFERENCES, **bearer).json() == COMMON
    assert Api().send("PATCH", PREFERENCES, {"rounds": 2}, **bearer).status_code == 403


def test_a_debate_over_the_api_takes_nothing_of_them(as_alice: Api) -> None:
    as_alice.send("PATCH", PREFERENCES, CHOSEN)
    made = as_alice.post("/api/v1/debates", {"task": "Should the town build the tram?"}).json()
    assert (made["rounds"], len(made["agents"])) == (3, 3)
