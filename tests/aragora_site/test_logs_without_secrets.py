"""No log line holds a key or the token of a shared link, whoever writes it."""

from __future__ import annotations

import logging
import sys

import pytest
import structlog
from django.conf import settings

from aragora_site import logs

KEY = "ara_0123456789ab_" + "s3cret" * 7 + "x"
LINES = [
    f"Unauthorized: /api/v1/debates?token={KEY}",
    "Not Found: /shared/s3cretcTZNqau8QyGR_gmOjHk9gM9-ubtNyqhUDmwxSQ/",
    "GET /ws?debate_id=1&share=s3cretZNqau8&since_seq=3",
    f"bearer {KEY} is wrong",
]


@pytest.mark.parametrize("format", ["json", "console"])
def test_they_are_struck_out(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    handlers = logging.getLogger().handlers
    logs.configure(format=format, level="info", on_terminal=False)
    try:
        for line in LINES:
            logging.getLogger("django.request").warning(line)
            structlog.get_logger("aragora").info("event", path=line)
    finally:
        written = capsys.readouterr().err
        logs.configure(
            format=settings.ARAGORA.log_format,
            level=settings.ARAGORA.log_level,
            on_terminal=sys.stderr.isatty(),
        )
        logging.getLogger().handlers = handlers
    assert written.count("***") >= 2 * len(LINES)
    assert "s3cret" not in written
    assert "since_seq=3" in written
