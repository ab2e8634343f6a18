"""The embedder of this process, loaded when it is first needed, with its cache in front."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import structlog
from django.conf import settings

from memory.embeddings.base import DIMENSIONS, Embedder, EmbeddingFailed, Vectors
from memory.embeddings.cache import EmbeddingCache, key_of
from memory.embeddings.hashed import HashEmbedder

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors, and by whom."""

    vectors: Vectors
    embedder: str


class EmbeddingService:
    """Blocking, from any thread but that of an event loop."""

    def __init__(self) -> None:
        environment = settings.ARAGORA
        self.cache = EmbeddingCache(
            size=environment.embedding_cache_size, ttl_seconds=environment.embedding_cache_ttl
        )
        self._chosen: Embedder | None = None
        self._fallback = HashEmbedder()
        self._loading = threading.Lock()

    @property
    def is_ready(self) -> bool:
        """Whether an embedding needs nothing to be loaded first."""
        return self._chosen is not None

    @property
    def name(self) -> str:
        """The embedder whose vectors are made now; loads it."""
        return self._embedder().name

    def embed(self, texts: Sequence[str]) -> Embedded:
        """A vector for each text, from the cache as far as they are there. When the chosen
        embedder cannot answer, all of them are hash vectors, and bear that name."""
        _refuse_event_loop()
        chosen = self._embedder()
        try:
            return Embedded(self._cached(chosen, texts), chosen.name)
        except EmbeddingFailed as error:
            log.warning("embedding_failed", embedder=chosen.name, error=str(error))
            return Embedded(self._cached(self._fallback, texts), self._fallback.name)

    def embed_within(self, texts: Sequence[str], *, seconds: float) -> Embedded | None:
        """The same, or None when it takes longer; then it goes on, so that the next one finds
        the embedder loaded and the cache filled."""
        if self.is_ready and settings.ARAGORA.embedder != "provider":
            return self.embed(texts)
        made: queue.SimpleQueue[Embedded] = queue.SimpleQueue()
        work = threading.Thread(
            target=lambda: made.put(self.embed(texts)), name="embedder", daemon=True
        )
        work.start()
        try:
            return made.get(timeout=seconds)
        except queue.Empty:
            return None

    def forget(self, texts: Sequence[str]) -> None:
        """Drop what the cache has of these texts."""
        for text in texts:
            for embedder in (self._chosen, self._fallback):
                if embedder is not None:
                    self.cache.discard(key_of(embedder.name, text))

    def _cached(self, embedder: Embedder, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        missing: dict[str, list[int]] = {}
        for place, text in enumerate(texts):
            found = self.cache.get(key_of(embedder.name, text))
            if found is None:
                missing.setdefault(text, []).append(place)
            else:
                rows[place] = found
        if missing:
            made = embedder.embed(list(missing))
            for (text, places), vector in zip(missing.items(), made, strict=True):
                self.cache.put(key_of(embedder.name, text), vector)
                rows[places] = vector
        return rows

    def _embedder(self) -> Embedder:
        if self._chosen is None:
            with self._loading:
                if self._chosen is None:
                    self._chosen = _load(self._fallback)
        return self._chosen


def _load(fallback: Embedder) -> Embedder:
    environment = settings.ARAGORA
    if environment.embedder == "hash":
        return fallback
    if environment.embedder == "provider":
        from memory.embeddings.provider import ProviderEmbedder

        return ProviderEmbedder(
            base_url=environment.openai_base_url,
            api_key=environment.openai_api_key,
            model=environment.embedding_model,
        )
    try:
        from memory.embeddings.wordllama import WordLlamaEmbedder

        return WordLlamaEmbedder()
    except EmbeddingFailed as error:
        log.warning("embedder_not_loaded", embedder="wordllama", error=str(error))
        return fallback


def _refuse_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("Embeddings are made on a thread, never on the event loop.")


_service: EmbeddingService | None = None
_lock = threading.Lock()


def get_service() -> EmbeddingService:
    """The one of this process."""
    global _service  # noqa: PLW0603
    with _lock:
        if _service is None:
            _service = EmbeddingService()
    return _service


def reset_service() -> None:
    """Forget it, so that the next use reads the settings anew."""
    global _service  # noqa: PLW0603
    with _lock:
        _service = None
