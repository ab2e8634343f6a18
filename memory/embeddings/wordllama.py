"""Embeddings by wordllama: static word vectors, in this process, with no download.

The model is what the package `wordllama` brings along; its code would hold the weights several
times over. Here they stay in their file, of which the system keeps at hand what is used, once for
all processes. Read when first needed, once, and never by a process that only might need it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory.embeddings.base import DIMENSIONS, EmbeddingFailed, Vectors, normalised

MODEL = f"l2_supercat_{DIMENSIONS}"
TOKENIZER = "l2_supercat_tokenizer_config"
BATCH = 64
LONGEST = 20_000
"""Characters of a text that are read; static vectors are averaged, so more adds nothing."""


class WordLlamaEmbedder:
    """See the module."""

    name = "wordllama-256"

    def __init__(self) -> None:
        """Open the model. Raises `EmbeddingFailed`."""
        try:
            from tokenizers import Tokenizer

            package = find_spec("wordllama")
            if package is None or package.origin is None:
                raise FileNotFoundError("wordllama")
            directory = Path(package.origin).parent
            self._tokenizer = Tokenizer.from_file(
                str(directory / "tokenizers" / f"{TOKENIZER}.json")
            )
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
            # It would keep ten thousand texts a thread, 6 KB each; ours are kept elsewhere.
            getattr(self._tokenizer.model, "_resize_cache", lambda _: None)(0)
            self._weights = _mapped(directory / "weights" / f"{MODEL}.safetensors")
        except Exception as error:
            raise EmbeddingFailed(f"wordllama cannot be loaded: {type(error).__name__}") from error

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for start in range(0, len(texts), BATCH):
            given = [text[:LONGEST] for text in texts[start : start + BATCH]]
            encoded = self._tokenizer.encode_batch_fast(given, add_special_tokens=False)
            for place, encoding in enumerate(encoded, start):
                if encoding.ids:
                    rows[place] = self._weights[encoding.ids].mean(axis=0, dtype=np.float32)
        return normalised(rows)


def _mapped(path: Path) -> NDArray[np.float16]:
    """The one tensor of a safetensors file: the length of a header in 8 bytes, the header in JSON,
    the numbers."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        [tensor] = (value for key, value in json.loads(file.read(length)).items() if key[0] != "_")
    if tensor["dtype"] != "F16" or tensor["shape"][1:] != [DIMENSIONS]:
        raise ValueError(f"{path.name} has another form")
    return np.memmap(
        path,
        dtype="<f2",
        mode="r",
        offset=8 + length + tensor["data_offsets"][0],
        shape=tuple(tensor["shape"]),
    )
