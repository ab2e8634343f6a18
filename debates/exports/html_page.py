"""A debate as one page that needs nothing else: no script, no file, no server.

It is made of the parts of the debate's own page, in the same style sheets. Its policy lets a
browser load nothing and apply no other style than this one.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from debates.exports.subject import Origin, read_subject
from debates.models import Debate

_SHEETS = ("css/base.css", "css/debate.css", "css/export.css")
_FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")
"""The families that are named after them are on every machine."""


def write_html(debate: Debate, origin: Origin) -> str:
    subject = read_subject(debate, origin)
    style = _style()
    return render_to_string(
        "web/export.html",
        {
            "debate": debate,
            "snapshot": subject.snapshot,
            "page": subject.page,
            "sources": subject.sources,
            "price_known": subject.price_known,
            "origin": origin,
            "note": subject.note,
            "opened": True,
            "style": style,
            "style_hash": _hash(style),
        },
    )


@cache
def _style() -> SafeString:
    sheets = (Path(str(finders.find(name))).read_text(encoding="utf-8") for name in _SHEETS)
    return mark_safe(_FONT_FACE.sub("", "".join(sheets)))  # noqa: S308 (our own files)


@cache
def _hash(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"sha256-{digest}"
