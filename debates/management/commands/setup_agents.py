"""Find models and make agents of them, beside the extractive ones."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand

from debates.models import Agent
from debates.providers.discovery import ModelServer, find_servers
from debates.services.agents import ensure_default_agents
from debates.services.panels import LEAST_PANEL_SIZE, has_key

WAYS_TO_ADD_A_MODEL = """\
To let language models debate, do one of these and start again:
  a key         OPENAI_API_KEY=… or ANTHROPIC_API_KEY=… in .env
  any server    OPENAI_BASE_URL=http://…/v1 (and OPENAI_API_KEY, if it wants one) in .env
  this machine  start Ollama, LM Studio, llama.cpp or vLLM; it is found by itself"""


class Command(BaseCommand):
    help = (
        "Make the extractive agents, and agents of every model that the settings name or that is "
        "found on this machine. What is there already stays as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--offline", action="store_true", help="make the extractive agents alone; ask nobody"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = () if options["offline"] else asyncio.run(find_servers())
        made = ensure_default_agents(found=found)
        for server in found:
            self.stdout.write(_about(server))
        if made:
            names = ", ".join(agent.name for agent in made)
            self.stdout.write(f"New agents: {names}")
        agents = [agent for agent in Agent.objects.filter(enabled=True) if agent.is_language_model]
        for variable, unasked in _without_key(agents).items():
            self.stdout.write(
                f"There is no key in {variable}: {', '.join(unasked)} cannot be asked."
            )
        agents = [agent for agent in agents if has_key(agent)]
        if len(agents) < LEAST_PANEL_SIZE:
            self.stdout.write(
                "The panel: extractive agents. They are not language models; they argue from the "
                "documents alone."
            )
            self.stdout.write(WAYS_TO_ADD_A_MODEL)
            return
        families = {agent.family_or_model for agent in agents}
        if len(families) < LEAST_PANEL_SIZE:
            self.stdout.write(
                f"All language models are of one family ({families.pop()}): they share its blind "
                "spots. A debate gains most from a second family."
            )


def _without_key(agents: Iterable[Agent]) -> dict[str, list[str]]:
    """The variables whose key has gone, and the agents that need it."""
    found: dict[str, list[str]] = {}
    for agent in agents:
        if not has_key(agent):
            found.setdefault(agent.api_key_variable, []).append(agent.name)
    return found


def _about(server: ModelServer) -> str:
    if server.problem:
        return f"{server.name}: {server.problem}"
    where = f" at {server.base_url}" if server.base_url else ""
    models = ", ".join(model.id for model in server.models)
    more = ""
    if server.left_out:
        more = f" (and {server.left_out} more; name those you want in ARAGORA_OPENAI_MODELS)"
        if server.base_url:
            more = f" (and {server.left_out} more; add agents for them in the admin)"
    return f"{server.name}{where}: {models}{more}"
