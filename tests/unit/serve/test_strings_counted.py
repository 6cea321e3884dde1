"""How many strings a body was made of is counted right: a wrong count would have every such body read twice."""

import msgspec
import pytest

from serve.payments.instructions import parse_payment, strings_of
from serve.payments.operations import Kind, parse_operation, strings_of_operation
from serve.wire.strict_json import strings_in

LEG = {"from": "a", "to": "b", "amount": 1, "currency": "EUR"}


@pytest.mark.parametrize(
    "body",
    [
        LEG,
        {**LEG, "amount": "1", "mode": "hold", "expires_in_seconds": 60, "reference": "r", "metadata": {"a": "b"}},
        {"legs": [LEG, {**LEG, "amount": "2"}], "reference": None, "metadata": None},
        {**LEG, "balance_conditions": [{"account": "a", "available": {"gte": "5", "lt": 7}, "posted": {"eq": 0}}]},
        {**LEG, "balance_conditions": [{"account": "a", "pending_in": {"gt": 0}}, {"account": "b", "pending_out": {"lte": "1"}}]},
    ],
)
def test_the_strings_of_a_payment_are_counted(body: dict[str, object]) -> None:
    data = msgspec.json.encode(body)
    assert strings_of(parse_payment(data)) == strings_in(data)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("capture", {}),
        ("capture", {"amount": 1, "final": True}),
        ("capture", {"amount": "1"}),
        ("capture", {"legs": [1, "2", 0, "0"], "final": False}),
        ("refund", {"legs": ["1"]}),
        ("reversal", {"reason": "mistake"}),
    ],
)
def test_the_strings_of_an_operation_are_counted(kind: Kind, body: dict[str, object]) -> None:
    data = msgspec.json.encode(body)
    assert strings_of_operation(parse_operation(kind, data)) == strings_in(data)
