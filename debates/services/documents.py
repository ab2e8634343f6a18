"""Documents: read from files, and the demo corpus."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

import structlog
from django.conf import settings
from django.db import transaction

from debates.exceptions import InvalidInput
from debates.models import Document
from debates.providers.extractive.corpus import CORPUS
from debates.services.pdf import extract_pdf_text
from debates.services.planning import NewDocument

log = structlog.get_logger(__name__)

MAX_CHARACTERS = 1_000_000
"""Of the text of one document; a PDF may hold more than its size lets on."""
CORPUS_SOURCE = "demo corpus"

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_HEADING = re.compile(r"#\s+(\S.*)")
_WITHOUT_TEXT = frozenset(
    {".doc", ".docx", ".odt", ".ppt", ".pptx", ".xls", ".xlsx", ".rtf", ".epub", ".zip", ".gz"}
    | {".png", ".jpg", ".jpeg", ".gif", ".webp", ".heic", ".mp3", ".mp4", ".wav", ".mov"}
)


# --- From files --------------------------------------------------------------------------------


def read_upload(*, name: str, content: bytes, content_type: str = "") -> NewDocument:
    """A document from the bytes of a file: text of any kind (plain, Markdown, CSV, JSON), or PDF.

    Text is UTF-8, or what its byte order mark says; what is neither is read as Windows-1252, the
    superset of Latin-1 that old programs wrote. `content_type` is a hint and not trusted: what the
    bytes are decides. Raises `InvalidInput` about `documents` for a file that is empty, too large,
    binary, or a PDF without text."""
    name = _plain_name(name)
    limit = settings.ARAGORA.max_upload_bytes
    if len(content) > limit:
        raise _refused(name, f"is too large: {len(content):,} bytes, and {limit:,} are allowed.")
    if not content.strip():
        raise _refused(name, "is empty.")
    if b"%PDF-" in content[:1024] or content_type == "application/pdf":
        text = extract_pdf_text(name=name, content=content)
    else:
        text = _decode(name, content)
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise _refused(name, "is empty.")
    if len(text) > MAX_CHARACTERS:
        raise _refused(
            name, f"is too long: {len(text):,} characters, and {MAX_CHARACTERS:,} are allowed."
        )
    return NewDocument(title=_title(name, text), text=text, source=name[:300])


def _decode(name: str, content: bytes) -> str:
    """The text of the bytes. Control characters other than white space give a binary file away."""
    text = None
    encodings = [encoding for mark, encoding in _MARKS if content.startswith(mark)]
    for encoding in encodings or ["utf-8", "cp1252"]:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        break
    if text is None or _CONTROL.search(text) or PurePath(name).suffix.lower() in _WITHOUT_TEXT:
        raise _refused(name, "is not a text. Give a text, Markdown, CSV, JSON or PDF file.")
    return text


def _plain_name(name: str) -> str:
    """The last part of a path of either kind of system, without control characters."""
    last = re.split(r"[\\/]", name)[-1]
    return "".join(character for character in last if character.isprintable()).strip() or "document"


def _title(name: str, text: str) -> str:
    """The heading that a Markdown text starts with, or else the file's name."""
    heading = _HEADING.match(text)
    return (heading[1].strip(" #") if heading else name)[:200] or name[:200]


def _refused(name: str, reason: str) -> InvalidInput:
    message = f"“{name[:100]}” {reason}"
    return InvalidInput(message, fields=(("documents", message),))


# --- The demo corpus ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CorpusLoad:
    """How many documents of the corpus were there already, and how many were not."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0


@transaction.atomic
def load_demo_corpus() -> CorpusLoad:
    """Bring the shipped corpus into the database, under its own numbers; other rows stay."""
    stored = {
        document.number: document
        for document in Document.objects.filter(debate=None, number__in=[d.number for d in CORPUS])
    }
    added = updated = 0
    for document in CORPUS:
        row = stored.get(document.number)
        if row and (row.title, row.text) == (document.title, document.text):
            continue
        Document.objects.update_or_create(
            debate=None,
            number=document.number,
            defaults={
                "title": document.title,
                "text": document.text,
                "source": CORPUS_SOURCE,
            },
        )
        added, updated = added + (row is None), updated + (row is not None)
    loaded = CorpusLoad(added, updated, len(CORPUS) - added - updated)
    if added or updated:
        log.info("demo_corpus_loaded", added=added, updated=updated)
    return loaded
