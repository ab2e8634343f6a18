"""The text of PDF files, read in a process of its own.

A PDF is a program of sorts, and a small one can keep a reader busy for hours or fill the memory.
A process can be given limits and be ended; a thread cannot.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import structlog

from debates.exceptions import InvalidInput

log = structlog.get_logger(__name__)

MAX_PAGES = 500
MAX_SECONDS = 20
LEAST_CHARACTERS = 16
"""Letters and digits; a file with fewer holds pictures of text at best."""

_READER = Path(__file__).with_name("pdf_reader.py")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])-\n(?=[a-zà-öø-ÿ])")
_BLANK_LINES = re.compile(r"\n\s*\n")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")


def extract_pdf_text(*, name: str, content: bytes) -> str:
    """The text of a PDF, pages separated by blank lines.

    Raises `InvalidInput` about `documents` for one that is damaged, encrypted, scanned, too long,
    or not read within `MAX_SECONDS`."""
    try:
        reading = subprocess.run(  # noqa: S603 (our own interpreter and file)
            [sys.executable, "-I", str(_READER), str(MAX_PAGES), str(MAX_SECONDS)],
            input=content,
            capture_output=True,
            timeout=MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _refused(name, f"takes longer than {MAX_SECONDS} seconds to read.") from None
    try:
        answer = json.loads(reading.stdout)
    except ValueError:
        log.warning("pdf_reader_died", code=reading.returncode)
        raise _refused(name, "cannot be read: it is damaged, or asks for too much.") from None
    match answer:
        case {"problem": "encrypted"}:
            raise _refused(name, "is encrypted. Remove the password and give it again.")
        case {"problem": "pages", "pages": int(pages)}:
            raise _refused(name, f"has {pages:,} pages, and {MAX_PAGES} are allowed.")
        case {"problem": _}:
            raise _refused(name, "is not a PDF that can be read. It may be damaged.")
    text = _clean(answer["text"])
    if sum(map(str.isalnum, text)) < LEAST_CHARACTERS:
        raise _refused(
            name, "has no text in it. If it was scanned, run text recognition over it first."
        )
    return text


def _clean(text: str) -> str:
    """Without what no database takes, and with words joined that were broken over lines."""
    storable = text.encode("utf-8", "ignore").decode()
    joined = _HYPHENATED.sub("", _UNPRINTABLE.sub("", storable))
    return _BLANK_LINES.sub("\n\n", joined)


def _refused(name: str, reason: str) -> InvalidInput:
    message = f"“{name[:100]}” {reason}"
    return InvalidInput(message, fields=(("documents", message),))
