"""Decision rules, one strategy each behind `base.Rule`; a new one is a class and its entry here."""

from __future__ import annotations

from debates.engine.decisions.approval import Approval
from debates.engine.decisions.base import Count, Rule, valid
from debates.engine.decisions.borda import Borda
from debates.engine.decisions.confidence_weighted import ConfidenceWeighted
from debates.engine.decisions.first_choice import Majority, Plurality, Supermajority, Unanimity
from debates.engine.decisions.instant_runoff import InstantRunoff
from debates.engine.decisions.judge import Judge
from debates.engine.decisions.none import NoDecision
from debates.engine.types import DecisionMode

__all__ = ["RULES", "Count", "Rule", "rule_of", "valid"]

RULES: dict[DecisionMode, Rule] = {
    rule.mode: rule
    for rule in (
        Plurality(),
        Majority(),
        Supermajority(),
        Unanimity(),
        Approval(),
        Borda(),
        InstantRunoff(),
        ConfidenceWeighted(),
        Judge(),
        NoDecision(),
    )
}


def rule_of(mode: DecisionMode) -> Rule:
    """The rule of a mode. `auto` names none and raises `KeyError`: see `questions.rule_for`."""
    return RULES[mode]
