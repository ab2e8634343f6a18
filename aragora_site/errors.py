"""The root of the project's exceptions, and those that every package has a use for.

A leaf of the import graph: every package may import it, it imports none of them.
"""

from http import HTTPStatus


class AragoraError(Exception):
    """Something a caller can act on.

    `code` is a stable snake_case word, `status` the HTTP status, `str(error)` one sentence that
    tells the caller what to do next. `fields` names the inputs that are wrong, where there are
    such: (field, message) pairs.
    """

    code = "error"
    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str, *, fields: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class InvalidInput(AragoraError):
    """The request does not validate; nothing was created."""

    code = "invalid_input"
    status = HTTPStatus.BAD_REQUEST


class NotFound(AragoraError):
    """There is no such thing, or it is not the caller's to see."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class StateForbids(AragoraError):
    """The state of the thing does not allow this."""

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


class TooFast(AragoraError):
    """The caller has to wait `retry_after` whole seconds; nothing was done."""

    code = "rate_limited"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
