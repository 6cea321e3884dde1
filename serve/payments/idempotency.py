"""Idempotency keys: which are allowed, and the two digests that stand for a request in the ledger.

Both digests are kept in the journal for good, so how they are made must never change: a golden test holds them.
"""

import re
from hashlib import blake2b

import msgspec

from processor.core.messages import Leg
from serve.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX
from serve.wire.problems import Problem

TENANT = "default"
_TENANT_PART = f"{len(TENANT)}:{TENANT}"
_VISIBLE = re.compile(r"[!-~]+").fullmatch
_encode = msgspec.msgpack.Encoder().encode


def key_of_headers(headers: dict[bytes, bytes]) -> str:
    """Return the request's idempotency key. Raises Problem if it is missing or not allowed."""
    key = headers.get(b"idempotency-key")
    if not key:
        raise Problem("idempotency_key_required", "Send an Idempotency-Key header, a new one for every payment you mean to make.")
    return checked_key(key.decode("latin-1"))


def checked_key(key: str) -> str:
    """Return the key. Raises Problem if it is not 1 to 255 visible ASCII characters."""
    if len(key) <= IDEMPOTENCY_KEY_CHARACTERS_MAX and _VISIBLE(key):
        return key
    raise Problem(
        "invalid_idempotency_key", f"An idempotency key has 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} visible ASCII characters."
    )


def key_digest(from_account: str, key: str) -> bytes:
    """Return the 16 bytes that name the key within its scope. Lengths in front keep the parts apart."""
    return blake2b(f"{_TENANT_PART}{len(from_account)}:{from_account}{len(key)}:{key}".encode(), digest_size=16).digest()


def fingerprint(mode: str, legs: tuple[Leg, ...], reference: str | None, metadata: dict[str, str] | None) -> bytes:
    """Return the 16 bytes that stand for what is asked, however its JSON is written; `metadata` in the order of its names."""
    return blake2b(_encode((mode, legs, reference, metadata)), digest_size=16).digest()
