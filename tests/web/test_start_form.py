"""The start form: what it makes, and what it says when it makes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from debates.choices import DebateStatus, Visibility
from debates.models import Debate
from tests.factories import make_agent, make_model_agent

QUESTION = "Should the town build the tram?"

Browser = Callable[[User | None], Client]


def send(client: Client, **fields: Any) -> HttpResponse:
    """POST the form as a browser does that changed only these fields."""
    form = {
        "question": QUESTION,
        "agents": ["ada", "ben"],
        "protocol": "adaptive",
        "decision": "auto",
        "rounds": "3",
        "budget_usd": "",
        "seed": "",
        "document_title": [""],
        "document_text": [""],
        "document_source": [""],
    }
    return client.post("/", form | fields)


def text_of(response: HttpResponse) -> str:
    return response.content.decode()


@pytest.mark.usefixtures("agents")
def test_the_page_offers_the_panel_with_the_default_chosen(client: Client) -> None:
    page = text_of(client.get("/"))
    assert 'value="ada" checked' in page
    assert 'value="cleo" checked' in page
    assert 'value="dora" checked' not in page
    assert "Extractive (not a language model)" in page


@pytest.mark.usefixtures("agents")
def test_language_models_that_can_be_asked_are_offered_first(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    make_model_agent("aaa-locked", api_key_variable="NO_SUCH_KEY")
    make_model_agent("zeno")
    page = text_of(client.get("/"))
    offered = re.findall(r'name="agents" value="([^"]+)"', page)
    assert offered == ["zeno", "ada", "ben", "cleo", "dora", "aaa-locked"]


@pytest.mark.usefixtures("agents")
def test_without_a_language_model_the_page_tells_how_to_add_one(client: Client) -> None:
    page = text_of(client.get("/"))
    assert "No language model is connected yet" in page
    assert "OPENAI_API_KEY" in page


@pytest.mark.usefixtures("agents")
def test_with_a_language_model_it_does_not(client: Client) -> None:
    make_model_agent("gpt")
    assert "No language model is connected yet" not in text_of(client.get("/"))


def test_an_agent_without_its_key_cannot_be_chosen_and_says_why(
    client: Client, agents: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    make_model_agent("gpt", api_key_variable="SOME_KEY")
    page = text_of(client.get("/"))
    assert 'value="gpt" disabled' in page
    assert "set SOME_KEY" in page


@pytest.mark.usefixtures("agents")
def test_a_complete_form_starts_a_debate_and_shows_it(client: Client) -> None:
    response = send(
        client,
        rounds="2",
        decision="majority",
        protocol="classic",
        budget_usd="0.50",
        seed="42",
        document_title=["Report", ""],
        document_text=["The tram cut traffic\r\nby a tenth.", "It costs 40 million."],
        document_source=["", ""],
    )
    debate = Debate.objects.get()
    assert response.status_code == 302
    assert response["Location"] == f"/debates/{debate.slug}/"
    assert (debate.rounds, debate.decision, debate.protocol) == (2, "majority", "classic")
    assert (str(debate.budget_usd), debate.seed) == ("0.5000", 42)
    assert [spec["name"] for spec in debate.panel] == ["ada", "ben"]
    assert debate.status == DebateStatus.PENDING
    assert debate.visibility == Visibility.PUBLIC
    assert list(debate.documents.values_list("title", "text")) == [
        ("Report", "The tram cut traffic\nby a tenth."),
        ("Document 2", "It costs 40 million."),
    ]


@pytest.mark.usefixtures("agents")
def test_files_become_documents(client: Client) -> None:
    files = [
        SimpleUploadedFile("report.md", b"# The report\n\nTraffic fell."),
        SimpleUploadedFile("notes.txt", "Züge fahren.".encode()),
    ]
    send(client, uploads=files)
    assert list(Debate.objects.get().documents.values_list("title", "source")) == [
        ("The report", "report.md"),
        ("notes.txt", "notes.txt"),
    ]


@pytest.mark.usefixtures("agents")
def test_a_debate_of_somebody_who_is_signed_in_is_theirs_and_private(
    sign_in: Browser, alice: User
) -> None:
    page = text_of(sign_in(alice).get("/"))
    assert 'name="visibility" value="private" checked' in page
    send(sign_in(alice), visibility="private")
    debate = Debate.objects.get()
    assert debate.owner == alice
    assert debate.visibility == Visibility.PRIVATE


@pytest.mark.usefixtures("agents")
def test_a_form_that_is_sent_twice_makes_one_debate(client: Client) -> None:
    first = send(client, idempotency_key="k" * 32, seed="1")
    second = send(client, idempotency_key="k" * 32, seed="1")
    assert first["Location"] == second["Location"]
    assert Debate.objects.count() == 1


@pytest.mark.usefixtures("agents")
def test_a_form_that_was_changed_and_sent_again_makes_another(client: Client) -> None:
    send(client, idempotency_key="k" * 32)
    send(client, idempotency_key="k" * 32, question="And a bus lane?")
    assert Debate.objects.count() == 2


def test_whoever_has_to_sign_in_is_asked_to(
    client: Client, agents: list[str], configure: Callable[..., None]
) -> None:
    configure(allow_anonymous_debates=False)
    assert "You will be asked to" in text_of(client.get("/"))
    response = send(client)
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/?next=")
    assert not Debate.objects.exists()


def test_what_was_asked_before_signing_in_is_there_after_it(
    client: Client, agents: list[str], configure: Callable[..., None]
) -> None:
    configure(allow_anonymous_debates=False)
    User.objects.create_user("alice", password="correct-horse-9")
    asked = send(client, question="Is the <quay> wide enough?")
    signed_in = client.post(
        asked["Location"], {"username": "alice", "password": "correct-horse-9", "next": "/"}
    )
    assert "Is the &lt;quay&gt; wide enough?" in client.get(signed_in["Location"]).content.decode()
    assert "&lt;quay&gt;" not in client.get("/").content.decode()


BAD = {
    "no question": ({"question": "  "}, "question", "Ask a question."),
    "a long question": ({"question": "x" * 10_001}, "question", "at most 10,000 characters"),
    "an unknown agent": ({"agents": ["ada", "zoe"]}, "agents", "There is no agent “zoe”."),
    "no agent": ({"agents": []}, "agents", "Choose at least 2 agents."),
    "too few agents": ({"agents": ["ada"]}, "agents", "at least 2 agents"),
    "no rounds": ({"rounds": "0"}, "rounds", "Use 1 to 12 rounds."),
    "too many rounds": ({"rounds": "13"}, "rounds", "Use 1 to 12 rounds."),
    "rounds in words": ({"rounds": "three"}, "rounds", "Use a whole number."),
    "a budget of nought": ({"budget_usd": "0"}, "budget_usd", "Use an amount from"),
    "a budget below nought": ({"budget_usd": "-1"}, "budget_usd", "Use an amount from"),
    "a budget in words": ({"budget_usd": "little"}, "budget_usd", "such as 0.50"),
    "an unknown protocol": ({"protocol": "brawl"}, "protocol", "Use one of adaptive"),
    "an unknown decision": ({"decision": "coin"}, "decision", "Use one of auto"),
    "a seed below nought": ({"seed": "-1"}, "seed", "Use a whole number from 0"),
    "a seed in words": ({"seed": "seven"}, "seed", "Use a whole number."),
    "a title without a text": (
        {"document_title": ["Report"], "document_text": [" "]},
        "documents",
        "Document 1 is empty.",
    ),
}


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize(("fields", "field", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_made(
    client: Client, fields: dict[str, Any], field: str, message: str
) -> None:
    page = text_of(send(client, **fields))
    assert not Debate.objects.exists()
    summary = page[page.index('id="errors"') : page.index("</ul>", page.index('id="errors"'))]
    assert message in summary
    assert f'href="#{field}"' in summary
    beside = page[page.index(f'id="{field}-error"') :][:400]
    assert message in beside


def test_more_than_ten_agents_are_refused(client: Client, db: None) -> None:
    names = [make_agent(f"agent-{number}").name for number in range(11)]
    page = text_of(send(client, agents=names))
    assert "Name at most 10 agents; these are 11." in page
    assert not Debate.objects.exists()


def test_documents_that_do_not_fit_the_context_are_refused(client: Client, db: None) -> None:
    make_model_agent("gpt", context_tokens=2048)
    make_model_agent("claude", context_tokens=2048)
    page = text_of(
        send(
            client, agents=["gpt", "claude"], document_title=["Long"], document_text=["ab " * 9000]
        )
    )
    assert "tokens too long" in page
    assert not Debate.objects.exists()


@pytest.mark.usefixtures("agents")
def test_an_error_loses_nothing_that_was_written_or_uploaded(client: Client) -> None:
    page = text_of(
        send(
            client,
            rounds="99",
            decision="borda",
            agents=["ben", "dora"],
            budget_usd="0.25",
            document_title=["Report"],
            document_text=["Pasted <words> stay."],
            uploads=[SimpleUploadedFile("notes.txt", b"Uploaded words stay.")],
        )
    )
    assert QUESTION in page
    assert "Pasted &lt;words&gt; stay." in page
    assert "Uploaded words stay." in page
    assert 'value="notes.txt"' in page
    assert 'value="borda" checked' in page
    assert 'value="dora" checked' in page
    assert 'value="ada" checked' not in page
    assert 'name="budget_usd" placeholder="No limit" value="0.25"' in page
    assert 'value="99"' in page


@pytest.mark.usefixtures("agents")
def test_a_file_that_is_no_text_is_refused_by_name(client: Client) -> None:
    page = text_of(send(client, uploads=[SimpleUploadedFile("cat.png", b"\x89PNG\r\n\x00\x01")]))
    assert "“cat.png” is not a text." in page
    assert not Debate.objects.exists()


@pytest.mark.usefixtures("agents")
def test_a_body_over_the_limit_gets_a_page_that_says_so(
    client: Client, configure: Callable[..., None]
) -> None:
    configure(max_upload_bytes=2048)
    response = send(client, document_text=["x" * 4000])
    assert response.status_code == 413
    assert "That was too much at once." in text_of(response)
    assert "over the limit of 2 kB" in text_of(response)
    assert not Debate.objects.exists()


@pytest.mark.usefixtures("agents")
def test_a_form_of_another_site_is_refused() -> None:
    response = send(Client(enforce_csrf_checks=True))
    assert response.status_code == 403
    assert "The form was too old." in text_of(response)
    assert not Debate.objects.exists()


@pytest.mark.usefixtures("agents")
def test_all_that_is_wrong_is_said_in_one_pass(client: Client) -> None:
    page = text_of(
        send(
            client,
            question=" ",
            agents=["ada", "zoe"],
            rounds="99",
            protocol="brawl",
            document_title=["Report"],
        )
    )
    assert "5 things to correct" in page
    for message in ("Ask a question.", "no agent “zoe”", "1 to 12", "Use one of", "1 is empty."):
        assert message in page


@pytest.mark.usefixtures("agents")
def test_a_line_break_of_a_browser_counts_once(client: Client) -> None:
    assert send(client, question="x\r\n" * 5000).status_code == 302
    assert len(Debate.objects.get().question) <= 10_000


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize("address", ["/estimate/", "/"])
def test_a_body_over_the_limit_is_no_traceback_in_the_log(
    client: Client,
    configure: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    address: str,
) -> None:
    configure(max_upload_bytes=2048)
    response = client.post(address, {"document_text": "x" * 4000})
    assert response.status_code == 413
    assert not [record for record in caplog.records if record.exc_info]
