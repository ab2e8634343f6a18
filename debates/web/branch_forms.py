"""The forms that make a debate out of another one."""

from __future__ import annotations

from typing import Any

from django import forms

from debates.models import Debate
from debates.selectors.objects import agent_names
from debates.services.branching import Changes
from debates.web.account_forms import ServiceForm
from debates.web.forms import AgentNames, unix_lines


class FollowUpForm(ServiceForm):
    """A further question."""

    question = forms.CharField(error_messages={"required": "Ask a question."})
    context = forms.CharField(required=False)

    @property
    def changes(self) -> Changes:
        given = self.cleaned_data
        return Changes(
            question=unix_lines(given["question"]), context=unix_lines(given["context"]) or None
        )


class ForkForm(ServiceForm):
    """From where a debate is argued anew, with whom and with what."""

    branch_point = forms.TypedChoiceField(
        coerce=int,
        error_messages={
            "required": "Choose how much is kept.",
            "invalid_choice": "Choose a round of the debate.",
        },
    )
    agents = AgentNames(required=False)
    context = forms.CharField(required=False)

    def __init__(self, data: Any = None, *, debate: Debate) -> None:
        as_it_was = {"branch_point": 0, "agents": agent_names(debate), "context": debate.context}
        super().__init__(data, initial=as_it_was)
        self.fields["branch_point"].choices = [  # type: ignore[attr-defined]
            (number, f"Everything up to round {number}" if number else "The blind answers alone")
            for number in range(debate.round + 1)
        ]

    @property
    def changes(self) -> Changes:
        """Where nothing stands, that is meant, too: no context."""
        given = self.cleaned_data
        return Changes(context=unix_lines(given["context"]), agents=tuple(given["agents"]))

    @property
    def points(self) -> list[tuple[str, str, bool]]:
        """How much can be kept: value, label, and whether it is chosen."""
        chosen = str(self["branch_point"].value())
        choices = self.fields["branch_point"].choices  # type: ignore[attr-defined]
        return [(str(number), label, str(number) == chosen) for number, label in choices]

    @property
    def chosen_agents(self) -> frozenset[str]:
        return frozenset(self["agents"].value() or ())
