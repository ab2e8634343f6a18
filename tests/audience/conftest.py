"""People, debates with standing answers, and a pace that knows nobody yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from debates.models import Debate
from debates.services import audience
from tests.support.audience import make_standing
from tests.support.model_server import heard, model_server, running_model_server

__all__ = ["heard", "model_server", "running_model_server"]


@pytest.fixture(autouse=True)
def fresh_paces() -> Iterator[None]:
    """Users of different tests may have the same number."""
    audience.paces.forget()
    yield
    audience.paces.forget()


@pytest.fixture
def debate(db: None) -> Debate:
    """A public debate under way: ada says Yes, ben and cleo say No."""
    return make_standing()
