"""Vectors by feature hashing (Weinberger et al. 2009, arXiv 0902.2206): words and the letters in
them. They know spelling and no meaning; they need nothing, so they are always there."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np

from memory.embeddings.base import DIMENSIONS, Vectors, normalised

_WORD = re.compile(r"\w+")
TRIGRAM_WEIGHT = 0.3


class HashEmbedder:
    """See the module."""

    name = "hash-256"

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word, count in Counter(_WORD.findall(text.lower())).items():
                damped = 1.0 + math.log(count)
                for place, weight in _features(word):
                    row[place] += weight * damped
        return normalised(rows)


@lru_cache(maxsize=20_000)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    """Where a word is counted, and for how much. Short words are mostly particles."""
    weight = 1.0 if len(word) > 3 else 0.3
    framed = f"^{word}$"
    grams = [framed[start : start + 3] for start in range(len(framed) - 2)]
    found = [_place(word, weight)]
    found += [_place(gram, weight * TRIGRAM_WEIGHT) for gram in grams]
    return tuple(found)


def _place(feature: str, weight: float) -> tuple[int, float]:
    code = crc32(feature.encode("utf-8", "replace"))
    return code % DIMENSIONS, weight if code & 0x80000000 else -weight
