"""Embeddings of an OpenAI-compatible server: `POST …/v1/embeddings`.

What is remembered and what is searched for is sent there, so it is used by choice only."""

from __future__ import annotations

import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from memory.embeddings.base import DIMENSIONS, EmbeddingFailed, Vectors, fitted

DEFAULT_URL = "https://api.openai.com/v1"
TIMEOUT_SECONDS = 10.0
BATCH = 128
TRIES = 2
LONGEST = 20_000
MOST_BYTES = 32 * 1024 * 1024
"""Of an answer."""
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A key must not follow wherever a server points."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class ProviderEmbedder:
    """See the module."""

    def __init__(self, *, base_url: str, api_key: str, model: str) -> None:
        self.name = f"provider:{model}"[:80]
        self._url = (base_url or DEFAULT_URL).rstrip("/") + "/embeddings"
        self._key = api_key
        self._model = model
        handlers: list[Any] = [_NoRedirects]
        if urlsplit(self._url).hostname in ("localhost", "127.0.0.1", "::1"):
            handlers.append(urllib.request.ProxyHandler({}))  # No proxy can reach this machine.
        self._opener = urllib.request.build_opener(*handlers)

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        said = [place for place, text in enumerate(texts) if text.strip()]
        for start in range(0, len(said), BATCH):
            part = said[start : start + BATCH]
            rows[part] = self._ask([texts[place][:LONGEST] for place in part])
        return rows

    def _ask(self, texts: Sequence[str]) -> Vectors:
        body: dict[str, Any] = {
            "model": self._model,
            "input": list(texts),
            "encoding_format": "float",
        }
        if "text-embedding-3" in self._model:  # Others refuse the parameter.
            body["dimensions"] = DIMENSIONS
        for attempt in range(1, TRIES + 1):
            try:
                return self._read(self._post(body), len(texts))
            except urllib.error.HTTPError as error:
                if error.code not in _AGAIN or attempt == TRIES:
                    raise EmbeddingFailed(f"the server answered {error.code}") from error
            except (OSError, ValueError) as error:
                if attempt == TRIES:
                    raise EmbeddingFailed(f"no answer: {type(error).__name__}") from error
            time.sleep(random.uniform(0.1, 0.4))
        raise AssertionError("the last try returns or raises")

    def _post(self, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(  # noqa: S310 (the operator's own address)
            self._url, json.dumps(body).encode(), headers, method="POST"
        )
        with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.loads(answer.read(MOST_BYTES))

    def _read(self, answer: Any, count: int) -> Vectors:
        try:
            data = sorted(answer["data"], key=lambda item: item.get("index", 0))
            rows = np.array([item["embedding"] for item in data], dtype=np.float32)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not an answer of embeddings") from error
        if rows.ndim != 2 or len(rows) != count or not rows.shape[1]:
            raise ValueError("not one vector for each text")
        return fitted(rows)
