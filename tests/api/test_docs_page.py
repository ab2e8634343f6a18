"""The browsable page: everything on it comes from this server, unchanged and licensed."""

import re
from hashlib import sha256

import pytest
from django.contrib.staticfiles import finders

from tests.api.conftest import Api


def folder() -> str:
    found = finders.find("vendor/swagger-ui")
    assert isinstance(found, str)
    return found


@pytest.mark.django_db
def test_nothing_comes_from_elsewhere(anybody: Api) -> None:
    page = anybody.get("/api/docs")
    text = page.content.decode()
    assert page["Content-Type"].startswith("text/html")
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", text)
    assert not re.search(r"<script(?![^>]*src=)", text)
    assert not re.search(r"\son\w+=|<style|style=", text)


@pytest.mark.django_db
def test_everything_on_it_is_there(anybody: Api) -> None:
    text = anybody.get("/api/docs").content.decode()
    files = re.findall(r'"/static/([^"]+)"', text)
    assert len(files) == 5
    for file in files:
        assert finders.find(file), file
    assert 'data-schema-url="/api/openapi.json"' in text


def test_vendored_files_are_what_their_readme_says() -> None:
    with open(f"{folder()}/README.md", encoding="utf-8") as readme:
        promised = re.findall(r"\| (\S+) \| `([0-9a-f]{64})` \|", readme.read())
    assert {file for file, _ in promised} == {"swagger-ui-bundle.js", "swagger-ui.css"}
    for file, digest in promised:
        with open(f"{folder()}/{file}", "rb") as found:
            assert sha256(found.read()).hexdigest() == digest, file


def test_the_licence_lies_beside_them() -> None:
    with open(f"{folder()}/LICENSE", encoding="utf-8") as licence:
        assert "Apache License" in licence.read()
