"""Embeddings: length one, cached within bounds, never on the event loop, always some."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from memory.embeddings.base import DIMENSIONS, EmbeddingFailed, fitted
from memory.embeddings.cache import EmbeddingCache
from memory.embeddings.hashed import HashEmbedder
from memory.embeddings.provider import ProviderEmbedder
from memory.embeddings.service import EmbeddingService
from memory.embeddings.wordllama import WordLlamaEmbedder

ROOT = Path(__file__).resolve().parents[2]
texts = st.lists(st.text(max_size=60), min_size=1, max_size=6)


@given(texts)
def test_every_text_has_a_vector_of_length_one_or_none(some: list[str]) -> None:
    for vectors in (HashEmbedder().embed(some), wordllama().embed(some)):
        assert vectors.shape == (len(some), DIMENSIONS)
        assert np.isfinite(vectors).all()
        for length in np.linalg.norm(vectors, axis=1):
            assert length == pytest.approx(1, abs=1e-4) or length == 0


_loaded: list[WordLlamaEmbedder] = []


def wordllama() -> WordLlamaEmbedder:
    if not _loaded:
        _loaded.append(WordLlamaEmbedder())
    return _loaded[0]


def test_meaning_is_closer_than_difference() -> None:
    tram, rail, capital = wordllama().embed(
        [
            "Should a small town build a tram?",
            "Should our town invest in a tram line?",
            "What is the capital of Australia?",
        ]
    )
    assert tram @ rail > 0.6
    assert tram @ capital < 0.3


@pytest.mark.parametrize("width", [8, DIMENSIONS, 1536])
def test_vectors_of_any_width_fit(width: int) -> None:
    rows = np.random.default_rng(1).normal(size=(40, width)).astype(np.float32)
    rows[1] = rows[0] + 0.1 * rows[1]
    made = fitted(rows)
    assert made.shape == (40, DIMENSIONS)
    assert made[0] @ made[1] > 0.9
    assert np.array_equal(made, fitted(rows))


# --- The cache ---------------------------------------------------------------------------------


def test_the_cache_is_bounded_in_number_and_time() -> None:
    now = [0.0]
    cache = EmbeddingCache(size=2, ttl_seconds=10, clock=lambda: now[0])
    vector = np.ones(DIMENSIONS, dtype=np.float32)
    cache.put(b"a", vector)
    cache.put(b"b", vector)
    assert cache.get(b"a") is not None
    cache.put(b"c", vector)
    assert len(cache) == 2
    assert cache.get(b"b") is None
    now[0] = 10.0
    assert cache.get(b"a") is None
    off = EmbeddingCache(size=0, ttl_seconds=10)
    off.put(b"a", vector)
    assert len(off) == 0


def test_what_was_embedded_is_not_embedded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ARAGORA", replace(settings.ARAGORA, embedder="hash"))
    service = EmbeddingService()
    first = service.embed(["one", "two", "one"])
    assert service.cache.misses == 3
    again = service.embed(["two", "one"])
    assert service.cache.hits == 2
    assert np.array_equal(again.vectors, first.vectors[[1, 0]])


async def test_the_event_loop_is_refused() -> None:
    service = EmbeddingService()
    with pytest.raises(RuntimeError, match="never on the event loop"):
        service.embed(["a"])
    made = await asyncio.to_thread(service.embed, ["a"])
    assert made.vectors.shape == (1, DIMENSIONS)


def test_a_process_that_needs_no_embedding_loads_nothing_for_it() -> None:
    script = (
        "import django; django.setup(); import sys; import aragora_site.asgi, memory.models, "
        "memory.services.entries, memory.services.upkeep, memory.selectors.search, "
        "debates.running.dispatcher; "
        "print([name for name in ('wordllama', 'numpy', 'tokenizers') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "aragora_site.settings", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"


# --- A provider's ------------------------------------------------------------------------------


class _Server(BaseHTTPRequestHandler):
    status: ClassVar[int] = 200
    asked: ClassVar[list[dict[str, Any]]] = []
    keys: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({"path": self.path, **body})
        self.keys.append(self.headers.get("Authorization", ""))
        rows = [
            {"index": number, "embedding": [float(len(text)), 1.0, float(number)]}
            for number, text in enumerate(body["input"])
        ]
        answer = json.dumps({"data": rows[::-1]}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[str]:
    _Server.status, _Server.asked, _Server.keys = 200, [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_provider_embeds_in_batches(provider: str) -> None:
    embedder = ProviderEmbedder(base_url=provider, api_key="sk-1", model="text-embedding-3-small")
    made = embedder.embed(["a" * (number + 1) for number in range(130)] + [" "])
    assert [len(asked["input"]) for asked in _Server.asked] == [128, 2]
    assert _Server.asked[0]["path"] == "/v1/embeddings"
    assert _Server.asked[0]["dimensions"] == DIMENSIONS
    assert _Server.keys[0] == "Bearer sk-1"
    assert np.linalg.norm(made[:130], axis=1) == pytest.approx(1)
    assert not made[130].any()
    assert made[4][0] / made[4][1] == pytest.approx(5)


def test_hash_vectors_stand_in_for_a_provider_that_fails(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Server.status = 500
    chosen = replace(
        settings.ARAGORA, embedder="provider", openai_base_url=provider, openai_api_key=""
    )
    monkeypatch.setattr(settings, "ARAGORA", chosen)
    made = EmbeddingService().embed(["a tram"])
    assert made.embedder == "hash-256"
    assert len(_Server.asked) == 2
    _Server.status = 400
    with pytest.raises(EmbeddingFailed):
        ProviderEmbedder(base_url=provider, api_key="", model="m").embed(["a"])
    assert len(_Server.asked) == 3


def test_short_texts_leave_nothing_behind() -> None:
    """The library would keep 6 KB of each, for every thread."""
    embedder = wordllama()

    def embed(numbers: range) -> None:
        for number in numbers:
            embedder.embed([f"Which of the {number} intakes feeds the basin, and since when?"])

    embed(range(200))
    before = own_bytes()
    embed(range(200, 4200))
    assert own_bytes() - before < 8_000_000


def own_bytes() -> int:
    """The memory that is this process's alone."""
    status = Path("/proc/self/status").read_text()
    return 1024 * next(
        int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:")
    )
