"""Tells the dispatchers of this process that something may have changed.

A hint that saves waiting: other processes, and a hint that got lost, are covered by polling.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

Listener = Callable[[], None]

_lock = threading.Lock()
_listeners: list[Listener] = []


def wake() -> None:
    """Have the queue and the controls looked at now. Callable from any thread; never raises."""
    with _lock:
        listeners = list(_listeners)
    for listener in listeners:
        try:
            listener()
        except Exception as error:
            log.warning("wake_failed", error=type(error).__name__)


def add_listener(listener: Listener) -> None:
    """Call `listener`, on whatever thread, at every `wake`; it must not wait."""
    with _lock:
        _listeners.append(listener)


def remove_listener(listener: Listener) -> None:
    """Take `add_listener` back."""
    with _lock:
        if listener in _listeners:
            _listeners.remove(listener)
