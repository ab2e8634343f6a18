"""The agents that are there without anybody having made them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import structlog
from django.db import transaction

from debates.choices import ProviderName
from debates.models import Agent
from debates.providers.addresses import base_url_of, is_loopback
from debates.providers.discovery import ModelServer
from debates.providers.extractive.personas import DEFAULT_PERSONAS
from debates.providers.families import family_of, thinks_first
from debates.providers.model_lists import ListedModel

log = structlog.get_logger(__name__)

MODEL_PERSONAS = {
    "analyst": "You are an analyst. You take a question apart, check each step of an argument, "
    "and trust figures and sources over impressions.",
    "skeptic": "You are a skeptic. You look for what would make an answer wrong: hidden "
    "assumptions, missing evidence, costs that nobody counted. You say so when you find nothing.",
    "pragmatist": "You are a pragmatist. You ask what would happen if an answer were acted upon, "
    "by whom, at what price, and whether something simpler would do.",
}
"""For models that are too few to differ by themselves. Agents of one model share its blind spots,
whatever their personas; their family says so."""
ENOUGH_MODELS = 3
"""With as many, each sits on the panel as itself."""

MAX_NAME_LENGTH = 64
MAX_MODEL_LENGTH = 128
LEAST_CONTEXT_TOKENS = 1024
THINKING_OUTPUT_TOKENS = 4096
"""Thinking counts as output."""
OLLAMA_PORT = ":11434/"
OLLAMA_CONTEXT_TOKENS = 4096
"""What Ollama reads unless it is told otherwise; it drops the rest without a word."""
UNKNOWN_CONTEXT_TOKENS = 8192


@transaction.atomic
def ensure_default_agents(*, found: Sequence[ModelServer] = ()) -> tuple[Agent, ...]:
    """Make the extractive agents, and agents of the models found, where they are missing.

    Returns the agents that were made. What is there stays as it is, disabled and edited ones too;
    a model that has an agent already gets no further one."""
    rows = set(Agent.objects.values_list("provider", "base_url", "model"))
    names = set(Agent.objects.values_list("name", flat=True))
    made = [
        Agent(
            name=persona.agent,
            provider=ProviderName.EXTRACTIVE,
            family="extractive",
            persona=persona.description,
            rated=False,
        )
        for persona in DEFAULT_PERSONAS
        if persona.agent not in names
    ]
    enough = sum(len(server.models) for server in found) >= ENOUGH_MODELS
    for server in found:
        for model in server.models:
            if (server.provider, server.base_url, model.id) in rows:
                continue
            if len(model.id) > MAX_MODEL_LENGTH:
                log.warning("model_name_too_long", server=server.name)
                continue
            made += _agents_of(server, model, names=names, alone=not enough)
    for agent in made:
        agent.full_clean(exclude=("fallback",))
    Agent.objects.bulk_create(made)
    if made:
        log.info("default_agents_made", agents=[agent.name for agent in made])
    return tuple(made)


def _agents_of(
    server: ModelServer, model: ListedModel, *, names: set[str], alone: bool
) -> Iterable[Agent]:
    """One agent of a model, or one for each persona where there are not models enough."""
    for persona, text in MODEL_PERSONAS.items() if alone else [("", "")]:
        name = _free_name(model.id, persona, names)
        names.add(name)
        agent = Agent(
            name=name,
            provider=server.provider,
            model=model.id,
            base_url=server.base_url,
            api_key_variable=server.api_key_variable,
            family=family_of(model.id)[:MAX_NAME_LENGTH],
            persona=text,
            context_tokens=_context_tokens(server, model),
        )
        if thinks_first(model.id):
            agent.max_output_tokens = THINKING_OUTPUT_TOKENS
        yield agent


def _free_name(model: str, persona: str, names: set[str]) -> str:
    """ "openai/gpt-6-luna" and "skeptic" make "gpt-6-luna-skeptic"; a number tells equals apart."""
    last = model.lower().rsplit("/", 1)[-1].removesuffix(".gguf")
    stem = re.sub(r"[^a-z0-9._-]+", "-", last).strip("._-") or "model"
    number = 1
    while True:
        end = (f"-{persona}" if persona else "") + (f"-{number}" if number > 1 else "")
        name = stem[: MAX_NAME_LENGTH - len(end)] + end
        if name not in names:
            return name
        number += 1


def _context_tokens(server: ModelServer, model: ListedModel) -> int:
    if model.context_tokens:
        return max(model.context_tokens, LEAST_CONTEXT_TOKENS)
    address = base_url_of(server.provider, server.base_url)
    if is_loopback(address):
        return OLLAMA_CONTEXT_TOKENS if OLLAMA_PORT in address else UNKNOWN_CONTEXT_TOKENS
    # The list takes a quarter of a second to import; without a remote model nobody needs it.
    from debates.providers.pricing import context_tokens_of

    published = context_tokens_of(
        provider=server.provider, model=model.id, base_url=server.base_url
    )
    return published or UNKNOWN_CONTEXT_TOKENS
