"""Whoever is woken finds a section for the alert, and no section is about one that is gone."""

from __future__ import annotations

import re

import pytest

from tests.deploy.test_prometheus import alerts
from tests.docs.test_pages import ROOT

PARTS = ("**Meaning.**", "**First look.**", "**Remedy.**")
ALERTS = sorted({rule["alert"] for rule in alerts()})


def sections() -> dict[str, str]:
    """What stands below each heading that is the name of an alert."""
    page = (ROOT / "docs" / "RUNBOOK.md").read_text()
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_there_is_a_section_for_each_alert_and_for_nothing_else() -> None:
    assert sorted(sections()) == ALERTS


@pytest.mark.parametrize("name", ALERTS)
def test_a_section_says_what_it_means_where_to_look_and_what_to_do(name: str) -> None:
    section = sections()[name]
    assert [section.count(part) for part in PARTS] == [1, 1, 1]
    places = [section.index(part) for part in PARTS]
    assert places == sorted(places)


def test_an_alert_leads_to_its_section() -> None:
    for rule in alerts():
        assert rule["annotations"]["runbook"] == f"docs/RUNBOOK.md#{rule['alert'].lower()}"


def test_the_limits_in_the_section_are_those_of_the_rule() -> None:
    """The percentages and seconds of the guide's table stand in the text as well."""
    for rule in alerts():
        limit = re.search(r" > (0\.\d+)$", rule["expr"].strip())
        if limit:
            percent = f"{float(limit[1]):.0%}".replace("%", " %")
            words = {"20 %": "a fifth"}.get(percent, percent)
            assert words in sections()[rule["alert"]], rule["alert"]
