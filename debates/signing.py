"""Signatures that anybody can check who knows this server's public key.

Ed25519 (RFC 8032). The private key is made of the server's secret key, so that every instance
signs alike and there is nothing else to keep; a new secret key is a new pair.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.utils.crypto import salted_hmac

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM = "Ed25519"
_SALT = "debates.signing"
_KEY, _SIGNATURE = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{128}")


def public_key() -> str:
    """The public half of the key that `sign` signs with: 32 bytes in hexadecimal digits."""
    return _private_key().public_key().public_bytes_raw().hex()


def sign(content: bytes) -> str:
    """64 bytes in hexadecimal digits; the same for the same content."""
    return _private_key().sign(content).hex()


def is_signed(content: bytes, *, signature: str, key: str) -> bool:
    """Whether `signature` was made of `content` with the private half of `key`."""
    # It loads a library that few requests need.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    # There is one way to write each: `bytes.fromhex` would take capitals and spaces too.
    if not _KEY.fullmatch(key) or not _SIGNATURE.fullmatch(signature):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
            bytes.fromhex(signature), content
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def _private_key() -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = salted_hmac(_SALT, b"", algorithm="sha256").digest()
    return Ed25519PrivateKey.from_private_bytes(seed)
