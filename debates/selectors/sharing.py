"""Which debate a shared link opens."""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

from django.utils.crypto import constant_time_compare, salted_hmac

from aragora_site.tenancy.scopes import Purpose, across_tenants
from debates.models import ShareLink

_ID_BYTES = 16
_TOKEN_BYTES = 32


def token_of(link: ShareLink) -> str:
    """What stands in the link: 128 random bits, and 128 that only this server can add."""
    return base64.urlsafe_b64encode(link.pk.bytes + _mark(link.pk)).decode().rstrip("=")


def shared_debate_id(token: str) -> UUID | None:
    """The debate that a token opens now; None for one that opens nothing."""
    try:
        content = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    if len(content) != _TOKEN_BYTES:
        return None
    link_id = UUID(bytes=content[:_ID_BYTES])
    if not constant_time_compare(content[_ID_BYTES:], _mark(link_id)):
        return None
    with across_tenants(Purpose.LINK):
        return ShareLink.objects.filter(pk=link_id).values_list("debate_id", flat=True).first()


def _mark(link_id: UUID) -> bytes:
    digest = salted_hmac("debates.sharing", link_id.bytes, algorithm="sha256").digest()
    return digest[: _TOKEN_BYTES - _ID_BYTES]
