"""The program that `debates.services.pdf` runs: a PDF on standard input, JSON on standard output.

Imports nothing of the project and starts in a fraction of a second. Called with the most pages and
the most seconds of computing time; its memory is limited too, where the system can do that.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import Any

MAX_MEMORY_BYTES = 1 << 30


def main() -> None:
    max_pages, max_seconds = map(int, sys.argv[1:3])
    limit(max_seconds)
    # pypdf logs what it repairs; nobody reads that here.
    logging.disable(logging.CRITICAL)
    answer = read(sys.stdin.buffer.read(), max_pages)
    sys.stdout.buffer.write(json.dumps(answer).encode("ascii"))


def limit(seconds: int) -> None:
    """Let the system end this process when it takes too much."""
    try:
        import resource
    except ImportError:  # Windows: the caller's timeout is all there is.
        return
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))


def read(content: bytes, max_pages: int) -> dict[str, Any]:
    """The text, or what is wrong."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError

    try:
        reader = PdfReader(io.BytesIO(content))
        # Many files are encrypted with an empty password, only to forbid printing.
        if reader.is_encrypted and not reader.decrypt(""):
            return {"problem": "encrypted"}
        pages = len(reader.pages)
        if pages > max_pages:
            return {"problem": "pages", "pages": pages}
        return {"text": "\n\n".join(page.extract_text() for page in reader.pages)}
    except (DependencyError, FileNotDecryptedError):
        return {"problem": "encrypted"}
    except Exception as error:  # pypdf: "broken PDF files might cause other exceptions".
        return {"problem": "damaged", "detail": type(error).__name__}


if __name__ == "__main__":
    main()
