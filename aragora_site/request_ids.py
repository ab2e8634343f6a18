"""The id of what is being served: on every log line that it causes, and on what it publishes."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request, or of the socket; empty outside of one."""
