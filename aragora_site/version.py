"""The version, as /api/health, the API's schema and the pages show it."""

VERSION = "0.8.0"
