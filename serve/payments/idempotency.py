"""Idempotency keys: which are allowed, and the two digests that stand for a request in the ledger.

Both digests are kept in the journal for good, so how they are made must never change: a golden test holds them.
"""

import re
from collections.abc import Sequence
from hashlib import blake2b
from itertools import repeat

import msgspec
from msgspec import UNSET, UnsetType

from processor.core.messages import Condition, Leg
from serve.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX
from serve.wire.problems import FieldError, Problem

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


def key_of_item(key: str | UnsetType) -> str:
    """Return the key of a batch's item. Raises Problem if it is missing or not allowed."""
    if key is UNSET or not key:
        missing = FieldError("this member is required", "/idempotency_key")
        raise Problem("idempotency_key_required", "Every item of a batch needs its own idempotency key.", errors=[missing])
    return checked_key(key)


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


def key_digests(from_accounts: Sequence[str], keys: Sequence[str]) -> bytes:
    """Return the digests of many keys, one behind the other."""
    scope = _TENANT_PART
    return b"".join(
        [
            blake2b(f"{scope}{len(account)}:{account}{len(key)}:{key}".encode(), digest_size=16).digest()
            for account, key in zip(from_accounts, keys, strict=True)
        ]
    )


def fingerprints(
    from_accounts: Sequence[str],
    to_accounts: Sequence[str],
    amounts: Sequence[int],
    currencies: Sequence[str],
    references: Sequence[str | None],
) -> bytes:
    """Return the fingerprints of immediate payments of one leg without metadata; `references` may be empty."""
    legs = zip(from_accounts, to_accounts, amounts, currencies, strict=True)
    return b"".join(
        [
            blake2b(_encode(("immediate", (leg,), reference, None)), digest_size=16).digest()
            for leg, reference in zip(legs, references or repeat(None, len(amounts)), strict=True)
        ]
    )


def fingerprint(
    mode: str,
    legs: tuple[Leg, ...],
    reference: str | None,
    metadata: dict[str, str] | None,
    expires_in_seconds: int | None = None,
    conditions: tuple[Condition, ...] | None = None,
) -> bytes:
    """Return the 16 bytes that stand for what is asked, however its JSON is written; `metadata` in the order of its names."""
    content: tuple[object, ...] = (mode, legs, reference, metadata)
    if expires_in_seconds is not None or conditions is not None:
        content += (expires_in_seconds, conditions)
    return blake2b(_encode(content), digest_size=16).digest()


def operation_key_digest(payment: str, kind: str, key: str | None) -> bytes:
    """Return the 16 bytes that name the key among those of this payment's operations.

    Without a key a constant stands in: the same operation asked again is then the same one. No account's id has a space in it,
    and no client's key is empty, so these digests never meet those of payments.
    """
    return key_digest(f"payment {payment}", key) if key is not None else key_digest(f"{kind} {payment}", "")


def operation_fingerprint(kind: str, amounts: tuple[int, ...] | None, final: bool, reason: str | None) -> bytes:
    """Return the 16 bytes that stand for what is asked of a payment."""
    return blake2b(_encode((kind, amounts, final, reason)), digest_size=16).digest()
