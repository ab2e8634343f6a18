"""List the agents, and whether each can be asked."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import ArgumentParser
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from debates.models import Agent
from debates.providers.base import AgentSpec, Reachability
from debates.providers.clients import close_clients
from debates.providers.registry import get_provider
from debates.services.panels import Roster, has_key

WIDTH_OF_A_PIPE = 240
"""Columns of output that is not a terminal's: an agent a line, for grep."""
NOT_SET = "not set"


@dataclass(frozen=True, slots=True)
class _Listed:
    agent: Agent
    key: str
    """"set", "not set", or "none needed"."""
    reach: Reachability

    @property
    def askable(self) -> bool:
        return self.agent.enabled and self.reach.reachable

    def as_json(self) -> dict[str, Any]:
        agent = self.agent
        return {
            "name": agent.name,
            "provider": agent.provider,
            "model": agent.model,
            "family": agent.family,
            "base_url": agent.base_url,
            "key_variable": agent.api_key_variable,
            "key": self.key,
            "enabled": agent.enabled,
            "reachable": self.reach.reachable,
            "detail": self.reach.detail,
        }


class Command(BaseCommand):
    help = (
        "List the agents with provider, model, family, key, and whether each can be reached now. "
        "Spends nothing. Exit code 1 when none can be asked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on one line")

    def handle(self, *args: Any, **options: Any) -> None:
        roster = Roster.load()
        agents = list(Agent.objects.all())
        reaches = asyncio.run(_reach([roster.snapshot(agent) for agent in agents]))
        listed = [
            _Listed(agent, _key(agent), reach) for agent, reach in zip(agents, reaches, strict=True)
        ]
        if options["json"]:
            self.stdout.write(json.dumps({"agents": [one.as_json() for one in listed]}))
        else:
            self._print(listed)
        if not any(one.askable for one in listed):
            sys.exit(1)

    def _print(self, listed: list[_Listed]) -> None:
        terminal = self.stdout.isatty()
        console = Console(
            file=self.stdout,  # type: ignore[arg-type]  # Django's wrapper is a text stream
            width=None if terminal else WIDTH_OF_A_PIPE,
            no_color=not terminal,
            highlight=False,
        )
        if not listed:
            console.print("There are no agents. Make the default ones: manage.py setup_agents")
            return
        table = Table(box=None, pad_edge=False)
        table.add_column("Agent", overflow="fold")
        table.add_column("Can be asked", no_wrap=True)
        table.add_column("What it is", overflow="fold")
        for one in listed:
            table.add_row(one.agent.name, "yes" if one.askable else "no", _description(one))
        console.print(table)
        count = sum(one.askable for one in listed)
        console.print(f"\n{count} of {len(listed)} can be asked.")


def _description(one: _Listed) -> str:
    """What answers for the agent, and why nothing does."""
    agent = one.agent
    parts = ["no language model"]
    if agent.is_language_model:
        key = f"{agent.api_key_variable} {one.key}" if agent.api_key_variable else "no key needed"
        family = [f"family {agent.family}"] if agent.family else []
        model = [agent.model] if agent.model != agent.name else []
        parts = [*model, *family, agent.provider, key]
    if not agent.enabled:
        parts.append("disabled")
    elif not one.reach.reachable and one.key != NOT_SET:
        parts.append(one.reach.detail)
    return ", ".join(parts)


def _key(agent: Agent) -> str:
    if not agent.api_key_variable:
        return "none needed"
    return "set" if has_key(agent) else NOT_SET


async def _reach(specs: list[AgentSpec]) -> list[Reachability]:
    """All at once; each server has its own time to answer."""
    try:
        return await asyncio.gather(*(get_provider(spec.provider).check(spec) for spec in specs))
    finally:
        await close_clients()
