"""An operator reads which Redis is away and what that means, once, and never its password."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from structlog.testing import capture_logs

from debates.streaming.outage import Outage


def test_the_warning_names_the_address_and_the_consequence(settings: Any) -> None:
    settings.ARAGORA = replace(
        settings.ARAGORA, redis_url="redis://user:hunter2@cache.example:6390/2"
    )
    outage = Outage()
    with capture_logs() as lines:
        outage.begin(ConnectionError())
        outage.begin(ConnectionError())
    (line,) = lines
    assert line["event"] == "stream_layer_unreachable"
    assert line["address"] == "cache.example:6390"
    assert "other instances" in line["consequence"]
    assert "hunter2" not in str(line)
