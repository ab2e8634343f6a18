"""E-mail that nobody waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


def send_later(send: Callable[..., object], *args: object, **kwargs: object) -> threading.Thread:
    """Send on a thread of its own: how long a server takes for a message tells whoever asked for it
    whether there was one. A message that cannot be sent is logged, without whom it was for."""

    def carry_out() -> None:
        try:
            send(*args, **kwargs)
        except Exception as error:
            log.error("email_failed", error=type(error).__name__)

    thread = threading.Thread(target=carry_out, name="email", daemon=True)
    thread.start()
    return thread
