"""The quick look at JSON agrees with the slow one."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from processor.wire_values import SAFE_INTEGER_MAX
from serve.bodies.payments import BatchItemBody
from serve.limits import AMOUNT_MAX
from serve.payments.instructions import parse_payment
from serve.wire.problems import Problem
from serve.wire.strict_json import has_nul, scan, strings_in

texts = st.text(st.one_of(st.sampled_from('"\\\0/u0 é\n{}[]:,'), st.characters(exclude_categories=["Cs"])), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def count_strings(value: Any) -> int:
    if isinstance(value, str):
        return 1
    if isinstance(value, list):
        return sum(map(count_strings, value))
    return sum(1 + count_strings(inner) for inner in value.values()) if isinstance(value, dict) else 0


def holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, list):
        return any(map(holds_nul, value))
    return isinstance(value, dict) and any("\0" in name or holds_nul(inner) for name, inner in value.items())


@settings(deadline=None)
@given(values, st.booleans())
def test_strings_and_nuls_are_found_by_a_glance(value: Any, ensure_ascii: bool) -> None:
    data = json.dumps(value, ensure_ascii=ensure_ascii).encode()
    assert strings_in(data) == count_strings(value)
    assert has_nul(data) is holds_nul(value)


@settings(deadline=None)
@given(values)
def test_strict_json_passes_the_scan_unless_it_holds_a_nul(value: Any) -> None:
    assume(not holds_nul(value))
    scan(json.dumps(value).encode())


leg_members = {
    "from": st.sampled_from(["a", "b:1", "a" * 64, "", "a b", 5]),
    "to": st.sampled_from(["a", "acc-2", None]),
    "amount": st.sampled_from([1, "1", SAFE_INTEGER_MAX, str(AMOUNT_MAX), 0, "01", 1.5, True]),
    "currency": st.sampled_from(["EUR", "JPY", ""]),
}
payments = st.fixed_dictionaries(
    {},
    optional={
        **leg_members,
        "legs": st.lists(st.fixed_dictionaries(leg_members), max_size=2),
        "mode": st.sampled_from(["immediate", "hold", "x"]),
        "expires_in_seconds": st.sampled_from([1, 0]),
        "reference": st.none() | texts,
        "metadata": st.none() | st.dictionaries(texts, texts, max_size=3),
    },
)


def is_taken(data: bytes) -> bool:
    try:
        parse_payment(data)
    except Problem as problem:
        assert problem.kind.status == 400
        return False
    return True


def is_well_formed(body: Any) -> bool:
    try:
        msgspec.convert(body, BatchItemBody, strict=True)
    except msgspec.ValidationError:
        return False
    return not holds_nul(body)


@settings(deadline=None)
@given(payments)
def test_a_payment_is_taken_exactly_if_its_type_allows_it(body: Any) -> None:
    assert is_taken(json.dumps(body).encode()) is is_well_formed(body)


@settings(deadline=None)
@given(payments, st.data())
def test_a_duplicate_member_is_always_noticed(body: Any, data: st.DataObject) -> None:
    assume(body)
    name = data.draw(st.sampled_from(sorted(body)))
    again = f"{json.dumps(name)}:{json.dumps(body[name])}"
    rest = json.dumps(body)[1:]
    assert not is_taken(f"{{{again},{rest}".encode())
    escaped = again.replace(name, f"\\u{ord(name[0]):04x}{name[1:]}", 1)
    assert not is_taken(f"{{{escaped},{rest}".encode())


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_crash_the_parser(data: bytes) -> None:
    is_taken(data)
    is_taken(b'{"metadata":{"' + data + b'":"x"}}')


@pytest.mark.parametrize("count", [2, 200_000])
def test_finding_a_duplicate_takes_one_pass(count: int) -> None:
    members = ",".join(f'"{number}":0' for number in range(count))
    with pytest.raises(Problem, match="given twice"):
        scan(f'{{{members},"0":0}}'.encode())
