"""Says once that the channel layer is gone, and once that it is back, whoever notices.

While Redis is away, everything that has to do with it fails, and again at every try; its client
even says so with a traceback a second. An operator wants to know when it began and when it ended.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

DEFAULT_PORT = 6379
LAYER_LOGGER = "channels_redis.pubsub"
"""Where the layer's receiver complains about its connection."""


class Outage:
    """The state of the channel layer as this process sees it. Belongs to one thread."""

    def __init__(self) -> None:
        self.lasts = False

    def begin(self, error: BaseException) -> None:
        """Something about the layer failed."""
        if not self.lasts:
            self.lasts = True
            log.warning(
                "stream_layer_unreachable",
                error=type(error).__name__,
                address=layer_address(),
                consequence="what other instances say arrives late, from the database alone",
            )

    def end(self) -> None:
        """Something about the layer worked."""
        if self.lasts:
            self.lasts = False
            log.info("stream_layer_reachable")


def layer_address() -> str:
    """Where Redis should be, without its password."""
    parts = urlsplit(settings.ARAGORA.redis_url)
    return f"{parts.hostname or ''}:{parts.port or DEFAULT_PORT}"


class LayerComplaints(logging.Filter):
    """Takes connections that failed out of the layer's own log, and tells `outage` instead; and
    whatever else goes wrong while it lasts."""

    def __init__(self, outage: Outage) -> None:
        super().__init__()
        self._outage = outage

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return True
        if is_connection_error(error):
            self._outage.begin(error)
        return not self._outage.lasts


def is_connection_error(error: BaseException) -> bool:
    """Whether an error is about reaching Redis and not about what was said to it."""
    # The client is slow to import, and most installations have no Redis.
    import redis

    return isinstance(error, OSError | redis.ConnectionError | redis.TimeoutError)


def quieten(outage: Outage) -> None:
    """Have the layer's complaints go to `outage`, in place of whatever they went to before."""
    logger = logging.getLogger(LAYER_LOGGER)
    for known in list(logger.filters):
        if isinstance(known, LayerComplaints):
            logger.removeFilter(known)
    logger.addFilter(LayerComplaints(outage))
