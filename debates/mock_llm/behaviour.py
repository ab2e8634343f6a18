"""How the server treats a completion request: as it was told to, or as chance has it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from debates.mock_llm.wire import Answer, ModelRequest

LATEST_PIECE = 6
"""Trouble by chance comes before this many pieces of an answer were sent."""


class Fault(StrEnum):
    """What goes wrong in the middle of an answer, after `Behaviour.after_pieces` pieces."""

    HOLD = "hold"
    """Nothing more comes until `ModelServer.release` (or the client goes away)."""
    CUT = "cut"
    """The connection closes without the end of the body."""
    CORRUPT = "corrupt"
    """An event that is not JSON, then the rest."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the server treats one completion request."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "The server was told to fail."
    """The error's words, where `status` is an error."""
    answer: Answer | None = None
    """Instead of what the server would answer by itself."""
    finish_reason: str | None = "stop"
    """In OpenAI's words, for either dialect; None leaves it out."""
    report_usage: bool = True
    fault: Fault | None = None
    after_pieces: int = 2
    model: str = ""
    """Only for requests to this model; empty for any."""


class Mishap(StrEnum):
    """What can go wrong by chance."""

    BUSY = "busy"
    """429, to be asked again after a second."""
    ERROR = "error"
    """500."""
    CUT = "cut"
    CORRUPT = "corrupt"
    HANG = "hang"
    """Nothing more comes, and the connection stays open."""


class Chance:
    """Lets requests fail at given rates. The n-th request to a model always fares the same with the
    same seed, whatever is asked of other models meanwhile."""

    def __init__(self, rates: Mapping[Mishap, float], *, seed: int = 0) -> None:
        """`rates` are shares of the requests; ValueError unless they are at most 1 in all."""
        if min(rates.values(), default=0.0) < 0 or sum(rates.values()) > 1:
            raise ValueError("Rates of faults are from 0 to 1, and at most 1 in all.")
        self._rates = dict(rates)
        self._seed = seed
        self._numbers = Counter[str]()

    def next(self, request: ModelRequest) -> Behaviour:
        """How the request fares."""
        self._numbers[request.model] += 1
        number = self._numbers[request.model]
        source = random.Random(f"{self._seed}:{request.model}:{number}")
        drawn, after = source.random(), source.randrange(LATEST_PIECE)
        for mishap, rate in self._rates.items():
            drawn -= rate
            if drawn < 0:
                return _behaviour(mishap, after)
        return Behaviour()


def _behaviour(mishap: Mishap, after_pieces: int) -> Behaviour:
    match mishap:
        case Mishap.BUSY:
            return Behaviour(
                status=429, headers={"retry-after": "1"}, message="Too many requests, by chance."
            )
        case Mishap.ERROR:
            return Behaviour(status=500, message="It failed, by chance.")
        case Mishap.CUT:
            return Behaviour(fault=Fault.CUT, after_pieces=after_pieces)
        case Mishap.CORRUPT:
            return Behaviour(fault=Fault.CORRUPT, after_pieces=after_pieces)
        case Mishap.HANG:
            return Behaviour(fault=Fault.HOLD, after_pieces=after_pieces)
