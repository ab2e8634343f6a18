"""The figures of the scaling page are those that the program plans with."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from monitoring.scaling.measured import INSTANCE, Constant
from tests.docs.test_pages import ROOT

PAGE = (ROOT / "docs" / "SCALING.md").read_text()
ROWS = re.findall(r"^\| `(\w+)` \| ([\d.]+) ([\w ]+) \| `([^`]+)`", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("name", "value", "unit", "command"), ROWS)
def test_a_constant_of_the_page_is_the_one_in_use(
    name: str, value: str, unit: str, command: str
) -> None:
    constant: Constant = getattr(INSTANCE, name)
    assert (float(value), unit) == (constant.value, constant.unit)
    assert command.split(" --", maxsplit=1)[0] in constant.source


def test_every_measured_cost_is_on_the_page() -> None:
    costs = {field.name for field in fields(INSTANCE) if re.match("memory_|cpu_", field.name)}
    assert costs <= {name for name, *_ in ROWS}


def test_the_formula_is_made_of_them() -> None:
    idle, debate, socket = (
        getattr(INSTANCE, name).value
        for name in ("memory_idle", "memory_of_debate", "memory_of_socket")
    )
    assert f"    {idle:g} MB + N × {debate:g} MB + S × {socket:g} MB\n" in PAGE
