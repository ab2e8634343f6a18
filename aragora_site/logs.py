"""Structured logs on standard error: one event a line, with stable names and ids.

An event never holds prompt text, keys or tokens; where a library writes an address that has one,
it is struck out here. The request id appears on every line that a request causes; the id of the
trace, where there is one, on every line of a debate as well.
"""

import logging
import re
import sys

import structlog

from aragora_site.request_ids import request_id
from monitoring.tracing import add_trace_id

_SECRETS = re.compile(
    r"(\bara_[0-9a-f]{12}_)[\w-]+|(/shared/)[\w-]+|([?&](?:token|share)=)[^&\s\"']+"
)


def add_request_id(
    logger: object, name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """For structlog: what asked for what a line tells of."""
    if found := request_id.get():
        event.setdefault("request_id", found)
    return event


def strike_out_secrets(
    logger: object, name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Keys, and the tokens of shared links, in whatever text of an event they stand."""
    for key, value in event.items():
        if isinstance(value, str) and _SECRETS.search(value):
            event[key] = _SECRETS.sub(_without_secret, value)
    return event


def _without_secret(found: re.Match[str]) -> str:
    return f"{found[1] or found[2] or found[3]}***"


def configure(*, format: str, level: str, on_terminal: bool) -> None:
    """Send structlog's events and the standard library's records through one renderer.

    `format` and `level` are the values of ARAGORA_LOG_FORMAT and ARAGORA_LOG_LEVEL."""
    if format == "auto":
        format = "console" if on_terminal else "json"
    if level == "auto":
        level = "warning" if on_terminal else "info"
    shared: list[structlog.typing.Processor] = [
        add_request_id,
        add_trace_id,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[structlog.typing.Processor] = (
        [
            structlog.processors.format_exc_info,
            strike_out_secrets,
            structlog.processors.JSONRenderer(),
        ]
        if format == "json"
        else [
            strike_out_secrets,
            structlog.dev.ConsoleRenderer(
                colors=on_terminal,
                # The richer form shows local variables, and those may be secrets.
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # One line a request is the server's business; these would say it again, some with URLs.
    for noisy in (
        *("httpx", "httpx2", "httpcore", "openai", "anthropic", "daphne", "asyncio"),
        "procrastinate",
    ):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
