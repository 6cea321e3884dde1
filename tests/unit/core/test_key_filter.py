"""The filter over forgotten keys never denies one that was added, and seldom suspects one that was not."""

from hashlib import blake2b

from processor.core.key_filter import add_keys, may_have


def keys(prefix: str, count: int) -> list[bytes]:
    """Return digests as the API makes them."""
    return [blake2b(f"{prefix}{number}".encode(), digest_size=16).digest() for number in range(count)]


def test_every_key_that_was_added_is_suspected() -> None:
    bits = bytearray(1 << 13)
    added = keys("added", 5_000)
    add_keys(bits, added)
    assert all(may_have(bits, key) for key in added)


def test_few_others_are_suspected_while_there_is_room() -> None:
    bits = bytearray(1 << 14)
    add_keys(bits, keys("added", 10_000))
    suspected = sum(may_have(bits, key) for key in keys("other", 10_000))
    assert suspected < 500  # 13 bits for each key: about 2.4 percent expected


def test_a_full_filter_suspects_everything_rather_than_denying_anything() -> None:
    bits = bytearray(64)
    add_keys(bits, keys("added", 10_000))
    assert all(may_have(bits, key) for key in keys("other", 100))
