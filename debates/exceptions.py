"""What can go wrong with a debate, as a caller sees it."""

from http import HTTPStatus

from aragora_site.errors import AragoraError


class InvalidInput(AragoraError):
    """The request does not validate; nothing was created."""

    code = "invalid_input"
    status = HTTPStatus.BAD_REQUEST


class NotFound(AragoraError):
    """There is no such thing, or it is not the caller's to see."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class StateForbids(AragoraError):
    """The debate's status does not allow this."""

    code = "state_forbids"
    status = HTTPStatus.CONFLICT


class NotAllowed(AragoraError):
    """The caller is known but may not do this."""

    code = "not_allowed"
    status = HTTPStatus.FORBIDDEN


class SignInRequired(AragoraError):
    """The caller has to say who they are."""

    code = "sign_in_required"
    status = HTTPStatus.UNAUTHORIZED


class KeyReused(AragoraError):
    """An Idempotency-Key came with another request than before."""

    code = "idempotency_key_reused"
    status = HTTPStatus.CONFLICT


class TooFast(AragoraError):
    """The caller has to wait `retry_after` whole seconds; nothing was done."""

    code = "rate_limited"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
