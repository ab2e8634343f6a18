"""The schema is a file in the repository, and it says what the code does."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from debates.management.commands import export_openapi
from tests.api.conftest import Api

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(export_openapi.SCHEMA_FILE.read_text())
    return found


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield method, path, operation


def test_the_file_has_not_drifted() -> None:
    call_command("export_openapi", "--check")


def test_drift_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "openapi.json"
    monkeypatch.setattr(export_openapi, "SCHEMA_FILE", other)
    with pytest.raises(CommandError, match="export_openapi"):
        call_command("export_openapi", "--check")
    call_command("export_openapi")
    call_command("export_openapi", "--check")
    other.write_text(other.read_text().replace("3.1.0", "3.0.0"))
    with pytest.raises(CommandError):
        call_command("export_openapi", "--check")


@pytest.mark.django_db
def test_it_is_served_as_it_is_stored(anybody: Api, schema: dict[str, Any]) -> None:
    answer = anybody.get("/api/openapi.json")
    assert answer["Content-Type"].startswith("application/json")
    assert answer.json() == schema
    assert schema["openapi"].startswith("3.1")


def test_operations_have_names_of_their_own(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(schema)]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for _, _, operation in operations(schema))


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}
    assert set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(schema))) <= known


def test_every_part_of_a_path_is_a_parameter(schema: dict[str, Any]) -> None:
    for _, path, operation in operations(schema):
        declared = {part["name"] for part in operation["parameters"] if part["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path)), path


def test_errors_have_the_one_form(schema: dict[str, Any]) -> None:
    for _, path, operation in operations(schema):
        for status, answer in operation["responses"].items():
            if status.startswith("4"):
                form = answer["content"]["application/json"]["schema"]
                assert form == {"$ref": "#/components/schemas/ErrorOut"}, path


@pytest.mark.django_db
def test_every_operation_is_answered(anybody: Api, schema: dict[str, Any]) -> None:
    for method, path, operation in operations(schema):
        address = path.replace("{ref}", "none").replace("{name}", "none")
        answer = anybody.send(method.upper(), address)
        assert str(answer.status_code) in operation["responses"], (method, path, answer.content)


def test_only_the_canonical_paths_are_in_it(schema: dict[str, Any]) -> None:
    assert all(path.startswith("/api/v1/") for path in schema["paths"])
