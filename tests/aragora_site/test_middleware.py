"""What every answer carries: an id, and a policy for the browser."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_every_answer_carries_an_id(client: Client) -> None:
    first, second = client.get("/no-such-page"), client.get("/no-such-page")
    assert first["X-Request-Id"] != second["X-Request-Id"]


def test_a_proxys_id_is_kept(client: Client) -> None:
    answer = client.get("/no-such-page", headers={"X-Request-Id": "proxy-0123456789"})
    assert answer["X-Request-Id"] == "proxy-0123456789"


@pytest.mark.parametrize("forged", ["short", "a" * 200, "line\\nbreak-123456", "<script>alert"])
def test_an_id_that_could_spoil_a_log_is_replaced(client: Client, forged: str) -> None:
    assert client.get("/no-such-page", headers={"X-Request-Id": forged})["X-Request-Id"] != forged


def test_the_browser_may_load_only_our_own_files(client: Client) -> None:
    policy = client.get("/no-such-page")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy


def test_a_body_over_the_limit_is_refused(client: Client, settings: object) -> None:
    answer = client.post("/admin/login/", {"username": "x" * 1_100_000})
    assert answer.status_code in {400, 413}
