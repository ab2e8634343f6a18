"""What can go wrong with memory, as a caller sees it."""

from http import HTTPStatus

from aragora_site.errors import AragoraError


class InvalidEntry(AragoraError):
    """What was to be remembered does not validate; nothing was written."""

    code = "invalid_input"
    status = HTTPStatus.BAD_REQUEST


class EntryNotFound(AragoraError):
    """There is no such entry, or it is not the caller's to see."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class TierFull(AragoraError):
    """There is no room, and what there is, is worth more."""

    code = "memory_tier_full"
    status = HTTPStatus.CONFLICT
