"""What can be taken away from a debate's page."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from debates.exports.csv_file import Table
from debates.exports.files import ExportFormat
from debates.models import Debate


@dataclass(frozen=True, slots=True)
class Download:
    """A link to a file."""

    label: str
    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class Downloads:
    files: tuple[Download, ...]
    receipt: Download
    """There is one once the debate is over."""


_FILES = (
    ("To read and print", ExportFormat.HTML, None),
    ("To read and edit", ExportFormat.MD, None),
    ("Plain text", ExportFormat.TXT, None),
    ("Everything, for programs", ExportFormat.JSON, None),
    ("Table: the debate in a row", ExportFormat.CSV, Table.SUMMARY),
    ("Table: what was said", ExportFormat.CSV, Table.MESSAGES),
    ("Table: critiques", ExportFormat.CSV, Table.CRITIQUES),
    ("Table: votes", ExportFormat.CSV, Table.VOTES),
)
_KINDS = {ExportFormat.MD: "Markdown"}


def downloads_of(debate: Debate, *, share: str = "") -> Downloads:
    """The files of a debate; `share` is the token of the shared link by which it is read."""
    base = f"/api/v1/debates/{debate.pk}"
    by_link = {"share": share} if share else {}
    return Downloads(
        files=tuple(
            Download(
                label,
                _KINDS.get(format, format.upper()),
                _address(f"{base}/export/{format}", {"table": table} if table else {}, by_link),
            )
            for label, format, table in _FILES
        ),
        receipt=Download("Signed receipt", "JSON", _address(f"{base}/receipt", by_link)),
    )


def _address(path: str, *queries: dict[str, str]) -> str:
    query = urlencode({name: value for part in queries for name, value in part.items()})
    return f"{path}?{query}" if query else path
