"""The documentation names only what exists: files, variables, commands."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from aragora_site.environment import known_variables

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"\bARAGORA_[A-Z_]*[A-Z]\b")
MANAGE = re.compile(r"manage\.py ([a-z_]+)")
PATH_IN_CODE = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|js|md|html|css|json|yml|sql|conf))`")

by_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT))
)


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


@by_document
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text()):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        linked = (document.parent / file).resolve() if file else document
        assert linked.exists(), f"{document.name} links to {target}"
        assert not anchor or anchor in anchors(linked), f"{document.name} links to {target}"


@by_document
def test_variables_exist(document: Path) -> None:
    known = {*known_variables(), "ARAGORA_ENV_FILE"}
    assert set(VARIABLE.findall(document.read_text())) <= known


@by_document
def test_management_commands_exist(document: Path) -> None:
    assert set(MANAGE.findall(document.read_text())) <= set(get_commands())


@by_document
def test_files_named_in_code_exist(document: Path) -> None:
    for name in PATH_IN_CODE.findall(document.read_text()):
        assert (ROOT / name).exists(), f"{document.name} names {name}"
