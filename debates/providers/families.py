"""What a model's name tells: its family, and whether it thinks before it speaks."""

from __future__ import annotations

import re

_FAMILIES = (
    # The first that matches wins; distillations carry the name of what they were made from last.
    ("deepseek", r"deepseek"),
    ("gpt-oss", r"gpt-oss"),
    ("gpt", r"\b(gpt|chatgpt|o[1-9])(?![a-z])"),
    ("claude", r"claude"),
    ("gemma", r"gemma"),
    ("gemini", r"gemini"),
    ("mistral", r"(mi[sx]tral|ministral|magistral|codestral|devstral|pixtral)"),
    ("qwen", r"(qwen|qwq)"),
    ("llama", r"llama"),
    ("phi", r"\bphi[-\d.:]"),
    ("grok", r"grok"),
    ("command", r"\b(command|aya)"),
    ("granite", r"granite"),
    ("smollm", r"smollm"),
    ("glm", r"\bglm"),
    ("kimi", r"kimi"),
    ("minimax", r"minimax"),
    ("nemotron", r"nemotron"),
    ("falcon", r"falcon"),
    ("olmo", r"olmo"),
    ("yi", r"\byi[-:]"),
    ("nova", r"\bnova-"),
)
_FAMILY_PATTERNS = tuple((family, re.compile(pattern)) for family, pattern in _FAMILIES)

_THINKING = re.compile(
    r"(\bo[1-9](?![a-z])|gpt-(?:[5-9]|oss)|deepseek-(?:r|reasoner)|\br1\b|qwq|qwen3|magistral"
    r"|gemini-(?:2\.5|[3-9])|thinking|reasoning|claude-[a-z]+-[5-9]|kimi-k[2-9]|glm-[4-9]|minimax-m)"
)
_PLAIN = re.compile(r"(gpt-5[.\d]*-chat|instruct)")


def family_of(model: str) -> str:
    """The family of a model, for telling how alike two agents think.

    Names come with vendors, quantisations and dates ("openai/gpt-6-luna", "llama3.2:3b-q4",
    "claude-haiku-5-5-20260801"). One that is not known is a family of its own: the name's first
    word."""
    name = model.lower().rsplit("/", 1)[-1]
    for family, pattern in _FAMILY_PATTERNS:
        if pattern.search(name):
            return family
    return re.split(r"[-_:.\d@]", name, maxsplit=1)[0] or name


def thinks_first(model: str) -> bool:
    """Whether the model spends output tokens on thinking before its answer, unless told not to;
    such a model needs a higher limit for the same answer."""
    name = model.lower()
    return bool(_THINKING.search(name)) and not _PLAIN.search(name)
