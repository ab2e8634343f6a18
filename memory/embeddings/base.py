"""What an embedder is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 256
"""Of every vector, whoever makes it, so that one column and one index hold them all."""
Vectors = NDArray[np.float32]


class EmbeddingFailed(Exception):
    """The embedder cannot answer now; somebody else has to."""


class Embedder(Protocol):
    """Turns texts into vectors of length one. Blocking: never called on an event loop."""

    name: str
    """Vectors are compared only with those of an embedder of the same name. At most 80
    characters."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row for each text; a row of zeros for one that says nothing. Raises
        `EmbeddingFailed`."""
        ...


def normalised(rows: NDArray[Any]) -> Vectors:
    """The rows at length one; what is not finite or has no length becomes zeros."""
    vectors = np.nan_to_num(np.asarray(rows, dtype=np.float32), posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    made: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-9)
    return made


def fitted(rows: NDArray[Any]) -> Vectors:
    """The rows at `DIMENSIONS`, whatever they have: padded with zeros, or folded by a count
    sketch, which keeps inner products on average (Charikar, Chen and Farach-Colton 2002)."""
    vectors = np.asarray(rows, dtype=np.float32)
    width = vectors.shape[1]
    if width <= DIMENSIONS:
        vectors = np.pad(vectors, ((0, 0), (0, DIMENSIONS - width)))
    else:
        random = np.random.default_rng(width)
        places = random.integers(0, DIMENSIONS, width)
        signs = random.choice(np.array([-1.0, 1.0], dtype=np.float32), width)
        folded = np.zeros((DIMENSIONS, len(vectors)), dtype=np.float32)
        np.add.at(folded, places, (vectors * signs).T)
        vectors = folded.T
    return normalised(vectors)
