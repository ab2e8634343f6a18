"""The page of a debate leads to every file of it, and to the receipt once there is one."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.contrib.auth.models import User

from debates.models import Debate
from tests.api.conftest import Api
from tests.exports.conftest import caller

pytestmark = pytest.mark.django_db


def menu(page: str) -> str:
    (found,) = re.findall(r"<details class=\"menu\".*?</details>", page, re.DOTALL)
    return found


def links(page: str) -> list[str]:
    return [unescape(address) for address in re.findall(r'href="([^"]+)" download', menu(page))]


def page_of(api: Api, address: str) -> str:
    text: str = api.client.get(address).content.decode()
    return text


def test_every_link_leads_to_a_file_of_its_own(finished: Debate) -> None:
    page = page_of(caller(), f"/debates/{finished.slug}/")
    answers = [caller().get(address) for address in links(page)]
    assert {answer.status_code for answer in answers} == {200}
    names = {answer["Content-Disposition"] for answer in answers}
    assert len(names) == len(answers) == 9
    assert any("-receipt.json" in name for name in names)


def test_the_receipt_is_there_once_the_debate_is_over(running: Debate, finished: Debate) -> None:
    assert "<li data-receipt hidden>" in menu(page_of(caller(), f"/debates/{running.slug}/"))
    assert "<li data-receipt>" in menu(page_of(caller(), f"/debates/{finished.slug}/"))


def test_whoever_has_the_shared_link_gets_the_files_by_it(private: Debate, alice: User) -> None:
    token = caller(alice).post(f"/api/v1/debates/{private.pk}/share").json()["token"]
    found = links(page_of(caller(), f"/shared/{token}/"))
    assert len(found) == 9
    for address in found:
        assert caller().get(address).status_code == 200
        assert caller().get(address.replace(token, "x")).status_code == 404
