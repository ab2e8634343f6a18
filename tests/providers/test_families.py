"""What a model's name tells."""

from __future__ import annotations

import pytest

from debates.providers.families import family_of, thinks_first


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4o-mini", "gpt"),
        ("openai/gpt-6-luna", "gpt"),
        ("o3-mini", "gpt"),
        ("gpt-oss:20b", "gpt-oss"),
        ("claude-haiku-5-5", "claude"),
        ("llama3.2:3b-instruct-q4_K_M", "llama"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama"),
        ("deepseek-r1-distill-llama-8b", "deepseek"),
        ("mixtral-8x7b", "mistral"),
        ("qwen2.5:0.5b", "qwen"),
        ("phi3:mini", "phi"),
        ("gemma3:4b", "gemma"),
        ("gemini-2.5-flash", "gemini"),
        ("SmolLM2-135M-Instruct-GGUF", "smollm"),
        ("/models/solar-10b.gguf", "solar"),
        ("7b", "7b"),
    ],
)
def test_the_family(model: str, family: str) -> None:
    assert family_of(model) == family


@pytest.mark.parametrize(
    ("model", "thinks"),
    [
        ("gpt-6-luna", True),
        ("o3", True),
        ("gpt-5.2-chat-latest", False),
        ("gpt-4o", False),
        ("deepseek-r1:7b", True),
        ("deepseek-v3", False),
        ("claude-sonnet-5-5", True),
        ("claude-haiku-4-5", False),
        ("qwen3:8b", True),
        ("qwen3-4b-instruct", False),
        ("llama3.2:3b", False),
    ],
)
def test_whether_it_thinks_first(model: str, thinks: bool) -> None:
    assert thinks_first(model) is thinks
