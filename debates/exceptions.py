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
    "QueueFull",
    "SignInRequired",
    "StateForbids",
    "TooFast",
]


class KeyReused(AragoraError):
    """An Idempotency-Key came with another request than before."""

    code = "idempotency_key_reused"
    status = HTTPStatus.CONFLICT


class QueueFull(AragoraError):
    """As many debates wait as may, or as many of one workspace or person; nothing was created.
    There may be room in `retry_after` whole seconds. `coming` were to join at once."""

    code = "queue_full"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(
        self, *, waiting: int, retry_after: int, of_one: bool = False, coming: int = 1
    ) -> None:
        whose = " of yours or your workspace's" if of_one else ""
        much = "as many as may" if coming == 1 else f"and there is no room for {coming} more"
        super().__init__(
            f"{waiting} debates{whose} wait already, {much}. Try again in {retry_after} seconds."
        )
        self.retry_after = retry_after
