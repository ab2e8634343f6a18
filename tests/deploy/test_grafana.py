"""The dashboard asks for what there is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.figures import names_in
from tests.support.programs import ROOT, run_program

FOLDER = ROOT / "deploy" / "grafana"
RULES = ROOT / "deploy" / "prometheus" / "rules" / "aragora.yml"
WIDTH = 24


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "dashboards" / "aragora.json").read_text())
    return found


def expressions() -> Iterator[str]:
    """What the panels ask for, with an interval in place of Grafana's variable."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "1m")


def test_every_expression_can_be_read(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{i}", "expr": asked} for i, asked in enumerate(expressions())]
    assert len(rules) > 20
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    run_program("promtool", "check", "rules", str(file))


def test_every_figure_is_shown_by_a_server_or_made_by_a_rule(
    shown_figures: frozenset[str],
) -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    made = {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
    asked = {name for expression in expressions() for name in names_in(expression)}
    assert asked - made - shown_figures == {"up"}


def test_panels_do_not_cover_each_other() -> None:
    cells = Counter[tuple[int, int]]()
    panels = dashboard()["panels"]
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= WIDTH
        cells.update((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in _rows(at))
    assert set(cells.values()) == {1}
    assert len({panel["id"] for panel in panels}) == len(panels)


def _rows(at: dict[str, int]) -> range:
    return range(at["y"], at["y"] + at["h"])


def test_provisioning_and_dashboard_fit_together() -> None:
    sources = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yml").read_text())
    [variable] = dashboard()["templating"]["list"]
    assert {source["type"] for source in sources["datasources"]} == {variable["query"]}
    for panel in dashboard()["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == f"${{{variable['name']}}}"
