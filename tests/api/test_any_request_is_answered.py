"""Whatever the schema allows, and some of what it does not: the real server never answers with a
500, over every operation of the OpenAPI file."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from debates.management.commands.export_openapi import SCHEMA_FILE
from tests.support.processes import Server

EXAMPLES = 4
"""Of each operation and manner."""
PATIENCE_SECONDS = 30.0
OPERATIONS = [
    result.ok() for result in schemathesis.openapi.from_path(SCHEMA_FILE).get_all_operations()
]


@pytest.fixture(scope="module")
def known(server: Server) -> dict[str, Any]:
    """What there is on the server: a key, a debate, a workspace, a shared link."""
    with httpx.Client(base_url=server.url, timeout=PATIENCE_SECONDS) as client:
        account = {"email": "alice@example.org", "password": "correct horse battery staple"}
        session = client.post("/api/v1/auth/register", json=account).raise_for_status().json()
        client.headers["Authorization"] = f"Bearer {session['access_token']}"
        key = client.post("/api/v1/auth/api-keys", json={"name": "fuzz", "scope": "admin"}).json()
        debate = client.post("/api/v1/debates", json={"task": "Trams?", "visibility": "private"})
        debate_id = debate.raise_for_status().json()["id"]
        link = client.post(f"/api/v1/debates/{debate_id}/share").raise_for_status().json()
    return {
        "authorization": {"Authorization": f"Bearer {key['key']}"},
        "ref": debate_id,
        "workspace": session["user"]["workspace"],
        "token": link["token"],
        "user_id": session["user"]["id"],
        "name": "extractive-analyst",
    }


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_fails(
    server: Server, known: dict[str, Any], operation: Any, mode: GenerationMode
) -> None:
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
        return  # Nothing of it can be wrong but its path.

    @given(case=operation.as_strategy(generation_mode=mode), by_name=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any, by_name: bool) -> None:
        if by_name:
            for parameter in set(case.path_parameters or {}) & set(known):
                case.path_parameters[parameter] = known[parameter]
        response = case.call(
            base_url=server.url, headers=known["authorization"], timeout=PATIENCE_SECONDS
        )
        assert response.status_code < 500, (case.as_curl_command(), response.text)
        if response.status_code >= 400:
            assert response.json()["code"]

    ask()
