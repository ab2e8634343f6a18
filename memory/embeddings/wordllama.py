"""Embeddings by wordllama: static word vectors, in this process, with no download.

Loading takes about half a second and 100 MB, so it is done when first needed, once, and never by
a process that only might need it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from memory.embeddings.base import DIMENSIONS, EmbeddingFailed, Vectors, normalised

BATCH = 64
LONGEST = 20_000
"""Characters of a text that are read; static vectors are averaged, so more adds nothing."""


class WordLlamaEmbedder:
    """See the module."""

    name = "wordllama-256"

    def __init__(self) -> None:
        """Load the model. Raises `EmbeddingFailed`."""
        try:
            import wordllama

            # The weights lie beside the code; the plain `load()` looks for them elsewhere.
            self._model: Any = wordllama.WordLlama.load(
                cache_dir=Path(wordllama.__file__).parent, dim=DIMENSIONS, disable_download=True
            )
        except Exception as error:
            raise EmbeddingFailed(f"wordllama cannot be loaded: {type(error).__name__}") from error

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        # It divides by the number of words, so a text without any is left out.
        said = [place for place, text in enumerate(texts) if text.strip()]
        if said:
            given = [texts[place][:LONGEST] for place in said]
            rows[said] = self._model.embed(given, norm=False, batch_size=BATCH)
        return normalised(rows)
