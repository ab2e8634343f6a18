"""The documentation names only what exists: files, variables, commands."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.core.management import get_commands

from aragora_site.environment import known_variables

ROOT = Path(__file__).resolve().parents[2]


def pages_in(folder: Path) -> list[Path]:
    """Its pages, with those below it; of this project's own folder, what lies there alone."""
    return list(folder.glob("*.md" if folder.samefile(ROOT) else "**/*.md"))


DOCUMENTS = sorted(
    document for folder in (".", "docs", "deploy") for document in pages_in(ROOT / folder)
)

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
VARIABLE = re.compile(r"\bARAGORA_[A-Z_]*[A-Z]\b")
MANAGE = re.compile(r"manage\.py ([a-z_]+)")
MODULE = re.compile(r"python3? -m ((?:loadtests|monitoring|aragora_site)[\w.]*)")
FOLDER = re.compile(r"(?<![\w/.-])(?:deploy|scripts|loadtests)/[\w./-]*\w")
PATH_IN_CODE = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|js|md|html|css|json|yml|sql|conf))`")

by_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT))
)


def anchors(document: Path) -> set[str]:
    """The names that GitHub gives to the headings."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


@by_document
def test_links_lead_somewhere(document: Path) -> None:
    for in_markdown, in_html in LINK.findall(document.read_text()):
        target = in_markdown or in_html
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
        beside = (ROOT / name, document.parent / name)
        assert any(file.exists() for file in beside), f"{document.name} names {name}"


@by_document
def test_folders_and_files_that_are_shipped_exist(document: Path) -> None:
    for name in FOLDER.findall(document.read_text()):
        assert (ROOT / name).exists(), f"{document.name} names {name}"


@by_document
def test_modules_exist(document: Path) -> None:
    for name in MODULE.findall(document.read_text()):
        assert find_spec(name), f"{document.name} names {name}"


def test_every_page_is_found_from_the_readme() -> None:
    """In the order in which people come: from README.md, by links."""
    found, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in found or page.suffix != ".md" or not page.exists():
            continue
        found.add(page)
        for targets in LINK.findall(page.read_text()):
            target = next(filter(None, targets)).partition("#")[0]
            if target and not target.startswith(("http", "mailto:")):
                linked = (page.parent / target).resolve()
                ahead.append(linked / "README.md" if linked.is_dir() else linked)
    assert set(DOCUMENTS) <= found
