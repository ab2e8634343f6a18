"""Four ways to read the same documents.

A persona weighs sentences; it never changes what they say. The weights are published here and
nowhere else, so that a vote of an extractive agent can be followed by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Persona:
    """How an agent reads.

    The factors multiply the published score of a sentence (`scoring.evidence_score`) when the
    sentence has the feature; 1.0 leaves it as it is."""

    key: str
    """A word that, found in an agent's persona text, selects these weights."""
    agent: str
    """The name of the default agent of this persona."""
    title: str
    description: str
    """The persona text of that agent."""
    opening: str
    """How its rationale introduces a first quotation of the kind that it looks for."""
    open_opening: str
    """The same where the question is open, and the quotation the answer."""
    omission: str = "It leaves out"
    """How it introduces what another case does not mention."""
    favourable: float = 1.0
    unfavourable: float = 1.0
    figures: float = 1.0
    hedged: float = 1.0
    tried: float = 1.0
    """For sentences that report what happened: a year, a past tense, a place."""
    firmness: float = 0.1
    """By which share another's evidence must score higher before the agent gives way."""


_LABEL = "Not a language model: it selects and weighs sentences of the documents."

DEFAULT_PERSONAS = (
    Persona(
        key="advocate",
        agent="extractive-advocate",
        title="Advocate",
        description=f"The advocate reads for what speaks in favour of a proposal. {_LABEL}",
        opening="What speaks for it",
        open_opening="What helps",
        omission="It passes over the benefit",
        favourable=1.5,
        unfavourable=0.8,
        firmness=0.12,
    ),
    Persona(
        key="analyst",
        agent="extractive-analyst",
        title="Analyst",
        description=f"The analyst trusts figures and distrusts hedged statements. {_LABEL}",
        opening="The firmest figure",
        open_opening="The firmest figure",
        omission="It does not reckon with",
        figures=1.7,
        hedged=0.6,
        firmness=0.05,
    ),
    Persona(
        key="skeptic",
        agent="extractive-skeptic",
        title="Skeptic",
        description=f"The skeptic reads for risks, costs and objections. {_LABEL}",
        opening="The strongest objection",
        open_opening="What to beware of",
        omission="It passes over the objection",
        favourable=0.8,
        unfavourable=1.5,
        firmness=0.18,
    ),
    Persona(
        key="veteran",
        agent="extractive-veteran",
        title="Veteran",
        description=f"The veteran asks what has been tried, and how it ended. {_LABEL}",
        opening="What has been tried",
        open_opening="What has been tried",
        omission="It forgets what was found",
        hedged=0.7,
        tried=1.6,
        firmness=0.08,
    ),
)
"""In the order in which a panel takes them; agents' names sort in the same order."""

READER = Persona(
    key="reader",
    agent="extractive-reader",
    title="Reader",
    description=f"The reader weighs all sentences alike. {_LABEL}",
    opening="What weighs most",
    open_opening="What speaks most to the question",
)
"""Weights for a persona text that names none of the above."""


def persona_for(text: str) -> Persona:
    """The persona whose key is named first in a persona text; `READER` when none is."""
    words = [word.replace("sceptic", "skeptic") for word in re.findall(r"[a-z]+", text.lower())]
    found = [
        (words.index(persona.key), persona) for persona in DEFAULT_PERSONAS if persona.key in words
    ]
    return min(found, key=lambda pair: pair[0])[1] if found else READER
