"""The digests that stand for keys and requests in the journal. Their values may never change."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.core.messages import Condition, Leg
from serve.payments.idempotency import fingerprint, key_digest, operation_fingerprint, operation_key_digest
from serve.payments.identity import Creation
from serve.payments.instructions import message_of, parse_payment
from serve.wire.problems import Problem

SHARDS = 8
GOLDEN = [
    "5a9915377352724b1546ea4fc621e67c",
    "798df116080705876fa1fa41292e346a",
    "acc5fa886df7526438b696cc32972332",
    "f080da4755404b39776977f4607f75db",
    "48634242d6bf30e18279d8f34ae20b7a",
    "b9a4431225d113d78e9576b31ad7c355",
    "a0d73964a42398030ecece984612d3af",
    "6fdcbb10f086af24034f7add9a65f63e",
]
names = st.text("abcXYZ019_.:-", min_size=1, max_size=12)
amounts = st.integers(1, 2**63 - 1)
metadata_names = st.text(min_size=1, max_size=8).filter(lambda text: "\0" not in text)
metadata = st.dictionaries(metadata_names, st.text('aä"\\ é', max_size=8), max_size=4)
members = st.fixed_dictionaries(
    {"from": names, "to": names, "amount": amounts, "currency": st.sampled_from(["EUR", "JPY"])},
    optional={"reference": st.text('ab\n"', max_size=6), "metadata": metadata},
)


def single_leg(body: dict[str, object]) -> dict[str, object]:
    return {name: body[name] for name in ("from", "to", "amount", "currency")}


def parsed(body: object, **dumping: object) -> Creation:
    text = json.dumps(_with_large_amounts_as_strings(body), **dumping)  # type: ignore[arg-type]
    return message_of(parse_payment(text.encode()), "key", SHARDS)


def _with_large_amounts_as_strings(body: object) -> object:
    if isinstance(body, dict):
        return {name: _with_large_amounts_as_strings(value) for name, value in body.items()}
    if isinstance(body, int) and body >= 2**53:
        return str(body)
    return [_with_large_amounts_as_strings(part) for part in body] if isinstance(body, list) else body


def test_the_digests_have_the_values_that_journals_hold() -> None:
    assert key_digest("acc_1", "key-1").hex() == "c424c580dbf06d152e13b0db1d583612"
    legs = (Leg("acc_1", "acc_2", 100, "EUR"), Leg("acc_2", "acc_3", 2**63 - 1, "EUR"))
    assert fingerprint("immediate", legs, "order 1", {"a": "1", "b": "2"}).hex() == "e8431ebd79036c92104e63e6137b84ce"
    assert fingerprint("immediate", legs[:1], None, None).hex() == "02519d05464fa4d3618fd7da607e6c8b"


def test_the_digests_of_holds_conditions_and_operations_have_the_values_that_journals_hold() -> None:
    legs = (Leg("acc_1", "acc_2", 100, "EUR"),)
    conditions = (Condition("acc_1", "available", "gte", 500),)
    payment = "pay_01F2J7M1Z5Q00000000R200001"
    digests = (
        fingerprint("hold", legs, None, None, 604_800),
        fingerprint("hold", legs, "order 1", {"a": "1"}, 60, conditions),
        fingerprint("immediate", legs, None, None, None, conditions),
        operation_key_digest(payment, "capture", "key-1"),
        operation_key_digest(payment, "void", None),
        operation_fingerprint("capture", None, True, None),
        operation_fingerprint("capture", (1, 0, 2**63 - 1), False, None),
        operation_fingerprint("reversal", None, True, "mistake"),
    )
    assert [digest.hex() for digest in digests] == GOLDEN


def test_a_key_means_something_else_for_an_account_a_payment_and_without_a_key() -> None:
    payment = "pay_01F2J7M1Z5Q00000000R200001"
    digests = {
        key_digest(payment, "k"), operation_key_digest(payment, "void", "k"), operation_key_digest(payment, "void", None),
        operation_key_digest(payment.replace("F", "G"), "void", None), operation_key_digest(payment, "void", "void"),
    }  # fmt: skip
    assert len(digests) == 5


@settings(deadline=None)
@given(names, names, names, names)
def test_different_accounts_or_keys_have_different_digests(account: str, key: str, other_account: str, other_key: str) -> None:
    same = (account, key) == (other_account, other_key)
    assert (key_digest(account, key) == key_digest(other_account, other_key)) is same


def test_the_border_between_account_and_key_counts() -> None:
    assert key_digest("ab", "c") != key_digest("a", "bc")
    assert key_digest("a1:b", "c") != key_digest("a", "b1:c")


@settings(deadline=None)
@given(members)
def test_spelling_does_not_matter(body: dict[str, object]) -> None:
    shuffled = dict(reversed(body.items()))
    if "metadata" in body:
        shuffled["metadata"] = dict(reversed(body["metadata"].items()))  # type: ignore[attr-defined]
    first = parsed(body)
    assert first == parsed(shuffled, indent=3, ensure_ascii=False)
    assert first == parsed({**body, "amount": str(body["amount"]), "mode": "immediate"})
    single = single_leg(body)
    rest = {name: value for name, value in body.items() if name not in single}
    assert first == parsed({"legs": [single], **rest})


@settings(deadline=None)
@given(members, members)
def test_another_content_has_another_fingerprint(body: dict[str, object], other: dict[str, object]) -> None:
    def content(of: dict[str, object]) -> dict[str, object]:
        return {**of, "metadata": of.get("metadata") or None, "reference": of.get("reference")}

    assert (parsed(body).fingerprint == parsed(other).fingerprint) is (content(body) == content(other))


@settings(deadline=None)
@given(st.lists(members.map(single_leg), min_size=2, max_size=4))
def test_the_order_of_legs_counts(legs: list[dict[str, object]]) -> None:
    turned = list(reversed(legs))
    assert (parsed({"legs": legs}).fingerprint == parsed({"legs": turned}).fingerprint) is (legs == turned)


@pytest.mark.parametrize("body", [b"{}", b'{"legs":[]}'])
def test_what_is_no_payment_has_no_message(body: bytes) -> None:
    with pytest.raises(Problem):
        message_of(parse_payment(body), "key", SHARDS)
