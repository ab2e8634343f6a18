"""The project: settings, the server, and what all its parts share."""

from aragora_site import lean_structlog  # noqa: F401  Before anybody else imports structlog.
