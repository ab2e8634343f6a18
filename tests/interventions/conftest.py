"""A model server, and ears for what is published, for each test."""

from tests.support.model_server import heard, model_server, running_model_server

__all__ = ["heard", "model_server", "running_model_server"]
