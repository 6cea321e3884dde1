"""Signatures after Standard Webhooks 1.0.0 (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`."""

import hmac
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from secrets import token_bytes

SECRET_BYTES = 32
_SECRET_PREFIX = "whsec_"


def new_secret() -> bytes:
    """Return a new key for signatures."""
    return token_bytes(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """Return the key as its owner is shown it."""
    return _SECRET_PREFIX + b64encode(secret).decode()


def signed_headers(secrets: Iterable[bytes], message_id: str, at_seconds: int, body: bytes) -> dict[str, str]:
    """Return the headers of a message that is sent at this time, in seconds since 1970: one signature for each key."""
    signed = f"{message_id}.{at_seconds}.".encode() + body
    signatures = " ".join(f"v1,{b64encode(hmac.digest(secret, signed, sha256)).decode()}" for secret in secrets)
    return {"webhook-id": message_id, "webhook-timestamp": str(at_seconds), "webhook-signature": signatures}
