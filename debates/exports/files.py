"""What a debate is exported as, and under which name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from debates.exports.csv_file import BYTE_ORDER_MARK, Table, write_csv
from debates.exports.html_page import write_html
from debates.exports.json_file import write_json
from debates.exports.markdown import write_markdown
from debates.exports.subject import Origin
from debates.exports.text import write_text
from debates.models import Debate


class ExportFormat(StrEnum):
    """A form of file, by the ending of its name."""

    JSON = "json"
    CSV = "csv"
    MD = "md"
    HTML = "html"
    TXT = "txt"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A debate as a file."""

    filename: str
    """ASCII letters, digits, hyphens and dots."""
    content_type: str
    content: str
    mark: str = ""
    """Stands before the content in the file: tells spreadsheets that it is UTF-8."""


_WRITERS: Mapping[ExportFormat, tuple[str, Callable[[Debate, Origin], str]]] = {
    ExportFormat.JSON: ("application/json", write_json),
    ExportFormat.MD: ("text/markdown; charset=utf-8", write_markdown),
    ExportFormat.HTML: ("text/html; charset=utf-8", write_html),
    ExportFormat.TXT: ("text/plain; charset=utf-8", write_text),
}
CONTENT_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    **{format: content_type for format, (content_type, _) in _WRITERS.items()},
}


def export_debate(
    *, debate: Debate, format: ExportFormat, table: Table, address: str, now: datetime
) -> ExportedFile:
    """The debate, from `get_debate`, as far as it has come. `table` says which one a CSV file
    holds, `address` is that of the debate's page."""
    parts = [debate.slug]
    if format is ExportFormat.CSV:
        parts.append(table)
        content, mark = write_csv(debate, table), BYTE_ORDER_MARK
    else:
        _, write = _WRITERS[format]
        content, mark = write(debate, Origin(address, now)), ""
    if not debate.is_over:
        parts.append("unfinished")
    return ExportedFile(f"{'-'.join(parts)}.{format}", CONTENT_TYPES[format], content, mark)
