"""What can go wrong with a debate, as a caller sees it."""

from http import HTTPStatus

from aragora_site.errors import (
    AragoraError,
    InvalidInput,
    NotAllowed,
    NotFound,
    SignInRequired,
    StateForbids,
    TooFast,
)

__all__ = [
    "InvalidInput",
    "KeyReused",
    "NotAllowed",
    "NotFound",
    "SignInRequired",
    "StateForbids",
    "TooFast",
]


class KeyReused(AragoraError):
    """An Idempotency-Key came with another request than before."""

    code = "idempotency_key_reused"
    status = HTTPStatus.CONFLICT
