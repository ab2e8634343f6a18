"""The shipped rules hold, cover the guide, and go by figures that there are."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.deploy.figures import figures_of, names_in
from tests.deploy.test_grafana import expressions
from tests.support.programs import ROOT, run_program

FOLDER = ROOT / "deploy" / "prometheus"
GUIDE = {
    # The rows of the guide's table: what an alert goes by, its warning and its critical limit.
    "AragoraSlow": ("aragora:request_seconds:p99", 2.0, 5.0),
    "AragoraErrors": ("aragora:errors:ratio", 0.01, 0.05),
    "AragoraDebatesNearLimit": ("aragora:debates:capacity_ratio", 0.80, 0.95),
    "AragoraMemory": ("aragora_memory_usage_ratio", 0.70, 0.90),
    "AragoraSocketsLost": ("aragora:websocket_disconnects:per_minute", 10.0, 50.0),
}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "rules" / "aragora.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def test_the_rules_do_what_their_tests_say() -> None:
    assert "SUCCESS" in run_program("promtool", "test", "rules", "aragora.test.yml", cwd=FOLDER)


def test_the_configurations_are_valid() -> None:
    run_program("promtool", "check", "config", "prometheus.yml", cwd=FOLDER)
    run_program("amtool", "check-config", "alertmanager.yml", cwd=FOLDER)


@pytest.mark.parametrize("name", GUIDE)
def test_each_row_of_the_guide_is_a_warning_and_a_critical_alert(name: str) -> None:
    figure, *limits = GUIDE[name]
    found = {rule["labels"]["severity"]: rule["expr"] for rule in alerts() if rule["alert"] == name}
    assert found.keys() == {"warning", "critical"}
    for severity, limit in zip(("warning", "critical"), limits, strict=True):
        went_by, _, over = found[severity].partition(" > ")
        assert (went_by, float(over)) == (figure, limit)


def test_every_alert_is_tested() -> None:
    tested = (FOLDER / "aragora.test.yml").read_text()
    for rule in alerts():
        name = rule["alert"]
        assert re.search(rf"\b{name}\b|\.\*Away", tested), f"{name} is not tested"


def test_every_figure_of_a_rule_is_shown_by_a_server_or_made_by_a_rule(
    shown_figures: frozenset[str],
) -> None:
    made = {rule["record"] for rule in rules() if "record" in rule}
    asked = {name for rule in rules() for name in names_in(rule["expr"])}
    assert asked - made - shown_figures == {"up"}


def test_every_figure_of_ours_is_documented_and_looked_at(shown_figures: frozenset[str]) -> None:
    page = (ROOT / "docs" / "MONITORING.md").read_text()
    documented = set(re.findall(r"^\| `(aragora_\w+)", page, re.MULTILINE))
    ours = {name for name in shown_figures if name.startswith("aragora_")}
    # A family without a figure is named without what its kind adds.
    assert {figure for figure in figures_of(ours) if f"{figure}_total" not in ours} == documented
    asked = {name for rule in rules() for name in names_in(rule["expr"])}
    asked |= {name for expression in expressions() for name in names_in(expression)}
    assert documented - figures_of(asked) == set(), "nobody looks at them"
