"""Whatever JSON a client sends: never a 500, and a debate only with a 201."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debates.models import Debate
from tests.api.conftest import Api

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None), max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
WORDS = st.sampled_from(["ada", "ben", "majority", "borda", "adaptive", "classic", "public", ""])
NAMES = [
    *("task", "question", "agents", "judge", "protocol", "rounds", "consensus", "context"),
    *("documents", "title", "tags", "domain", "metadata", "visibility", "budget_limit_usd"),
    *("budget_tokens", "deadline_seconds", "seed", "autostart"),
]
BODIES = st.dictionaries(
    st.sampled_from(NAMES),
    WORDS
    | st.integers(-1, 14)
    | JSON
    | st.lists(WORDS | st.fixed_dictionaries({"name": WORDS, "text": WORDS}), max_size=4),
    max_size=8,
)


@pytest.mark.django_db
@given(body=BODIES)
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_body_is_answered(panel: Any, body: dict[str, Any]) -> None:
    before = Debate.objects.count()
    answer = Api().post("/api/v1/debates", body)

    made = Debate.objects.count() - before
    assert (answer.status_code, made) in {(201, 1), (400, 0)}, answer.content
    if answer.status_code == 400:
        told = answer.json()
        assert told["error"]
        assert told["code"] in {"invalid_input", "invalid_json"}
