"""The root of the project's exceptions.

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
