"""What goes wrong gets a page in the house style."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from aragora_site import error_views
from tests.factories import PASSWORD

Browser = Callable[[User | None], Client]


def test_nothing_there(client: Client, db: None) -> None:
    response = client.get("/no/such/page/")
    assert response.status_code == 404
    page = response.content.decode()
    assert "There is nothing here." in page
    assert response["X-Request-Id"] in page


def test_a_broken_page_needs_no_database(django_db_blocker: object) -> None:
    """What broke may be the database: the page must not ask it who is reading."""
    request = RequestFactory().get("/")
    response = error_views.server_error(request)
    assert response.status_code == 500
    assert "Something broke on our side." in response.content.decode()
    assert connection.vendor


@pytest.mark.parametrize("code", ["400", "403", "403_csrf", "404", "413", "429", "500"])
def test_every_page_says_what_to_do_next(code: str) -> None:
    page = render_to_string(f"{code}.html", {"retry_after": 7})
    assert "<h1>" in page
    assert 'class="lede"' in page


def test_signing_in_and_out(client: Client, alice: User) -> None:
    page = client.get("/sign-in/?next=/agents/").content.decode()
    assert 'name="next" value="/agents/"' in page
    wrong = client.post("/sign-in/", {"username": "alice", "password": "guess"})
    assert "That name and password do not go together." in wrong.content.decode()
    right = client.post(
        "/sign-in/", {"username": "alice", "password": PASSWORD, "next": "/agents/"}
    )
    assert right["Location"] == "/agents/"
    assert "Sign out" in client.get("/").content.decode()
    client.post("/sign-out/")
    assert "Sign out" not in client.get("/").content.decode()


def test_signing_in_leads_to_no_other_site(client: Client, alice: User) -> None:
    form = {"username": "alice", "password": PASSWORD, "next": "https://elsewhere.example/"}
    assert client.post("/sign-in/", form)["Location"] == "/"
