"""Batches read and answered as columns: as the plain road does it, byte for byte, or not at all."""

import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.errors import LedgerError, OutcomeUnknown, Overloaded, ShardUnavailable
from actors.payment_outcomes import PaymentOutcomes
from processor.core.messages import AnyAnswer, Pay, PayMany, PaymentAnswer
from processor.core.results import Result
from processor.core.routing import shard_of
from serve.acknowledged import Acknowledged
from serve.payments.batches import Instruction, batch_answer, parse_batch
from serve.payments.columns import columns_answer, parse_columns
from serve.wire.answer import Answer
from serve.wire.problems import Problem

SHARDS = 4
AT = 1_764_000_000_000_000
PLAIN = {"idempotency_key": '"k-1"', "from": '"alice"', "to": '"bob"', "amount": "1", "currency": '"EUR"'}
ESCAPED_REFERENCES = ('"order 1"', '"\\u00e9\\ud83d\\ude00"', '"é😀"', '"a\\"b\\\\u0000\\n"', '""', "null", '"' + "é" * 255 + '"')


def body(*items: dict[str, str]) -> bytes:
    """Return a batch of items whose members are JSON text already."""
    texts = ("{" + ",".join(f'"{name}":{value}' for name, value in item.items()) + "}" for item in items)
    return f'{{"payments":[{",".join(texts)}]}}'.encode()


def plainly(data: bytes) -> list[Instruction]:
    """Return what the plain road reads."""
    return parse_batch(data, SHARDS)


def agrees(data: bytes) -> bool:
    """Return whether the body is read as columns, after checking that they say what the plain road reads."""
    columns = parse_columns(data)
    if columns is None:
        return False
    assert [columns.pay(place, SHARDS) for place in range(len(columns))] == plainly(data)
    return True


@pytest.mark.parametrize(
    "changes",
    [
        {},
        *({"reference": text} for text in ESCAPED_REFERENCES),
        {"amount": str(2**53 - 1)},
        {"from": '"al\\u0069ce"'},
        {"currency": '"JPY"'},
        {"idempotency_key": '"' + "k" * 255 + '"'},
        {"idempotency_key": '"!~\\"\\\\"'},
        {"from": '"' + "a" * 64 + '"'},
        {"to": '"alice"'},
    ],
    ids=str,
)
def test_a_common_item_is_read_as_a_column(changes: dict[str, str]) -> None:
    item = PLAIN | changes
    for data in (body(item), body(PLAIN, item), body(item, PLAIN, item), body(dict(reversed(item.items()))), b" " + body(item)):
        assert agrees(data)


@pytest.mark.parametrize(
    "changes",
    [
        *({"amount": text} for text in ('"1"', "0", "-1", str(2**53), str(10**30), "1.5", "1e2", "true", "null", '""')),
        *(
            {"idempotency_key": text}
            for text in ('""', '"' + "k" * 256 + '"', '"k k"', '"ké"', '"k\\n"', '"\\u007f"', "7", "null")
        ),
        *({"from": text} for text in ('""', '"' + "a" * 65 + '"', '"al ice"', '"alicé"', '"alice\\n"', "null", "7")),
        *({"to": text} for text in ('""', '"' + "b" * 65 + '"', '"b/b"', "[]")),
        *({"currency": text} for text in ('"eur"', '"EUX"', '""', '"EUR "', "null", "1")),
        *({"reference": text} for text in ('"a\\u0000b"', '"' + "é" * 256 + '"', "7", "{}", '"\\ud800"')),
        {"surprise": "1"},
        {"metadata": '{"a":"b"}'},
        {"metadata": "null"},
        {"mode": '"immediate"'},
        {"mode": '"hold"', "expires_in_seconds": "60"},
        {"balance_conditions": '[{"account":"alice","available":{"gte":5}}]'},
        {"legs": '[{"from":"a","to":"b","amount":1,"currency":"EUR"}]'},
        {'currency":"EUR","to': '"bob"'},
        {'amount":2,"amount': "1"},
        {'reference":"r","reference': "null"},
        {'reference":null,"reference': '"r"'},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_an_uncommon_item_is_left_to_the_plain_road(changes: dict[str, str]) -> None:
    assert not agrees(body(PLAIN | changes))
    assert not agrees(body(PLAIN, PLAIN | changes, PLAIN))


@pytest.mark.parametrize("missing", PLAIN)
def test_an_item_without_a_member_is_left_to_the_plain_road(missing: str) -> None:
    assert not agrees(body(PLAIN, {name: value for name, value in PLAIN.items() if name != missing}))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b'{"payments":{}}', b'{"payments":[]}', b'{"payments":[null]}', b'{"payments":[[]]}', b"\xff",
        body(PLAIN)[:-1], body(PLAIN) + b"[]", body(PLAIN).replace(b"alice", b"\xff\xfe"), b"[" * 100_000,
        body(PLAIN).replace(b"]}", b'],"payments":[]}'), b'{"payments":[],' + body(PLAIN)[1:],
        body(PLAIN).replace(b"]}", b'],"atomic":true}'), b"\xef\xbb\xbf" + body(PLAIN),
    ],
    ids=lambda data: repr(data[:40]),
)  # fmt: skip
def test_what_is_no_batch_of_payments_is_left_to_the_plain_road(data: bytes) -> None:
    assert parse_columns(data) is None


def test_as_many_items_as_a_batch_may_hold_are_read_as_columns_and_one_more_is_not() -> None:
    items = [PLAIN | {"idempotency_key": f'"{number}"'} for number in range(10_001)]
    assert agrees(body(*items[:-1]))
    assert parse_columns(body(*items)) is None


_thorough = settings(max_examples=500, deadline=None, derandomize=True)
_characters = st.characters(exclude_categories=["Cs"])
_texts = st.text(_characters, max_size=6)


def _json(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    """Return the values as JSON text, escaped or not."""
    return st.builds(lambda value, escaped: json.dumps(value, ensure_ascii=escaped), strategy, st.booleans())


def _mostly(usual: st.SearchStrategy[object], other: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    return st.integers(0, 29).flatmap(lambda choice: _json(usual if choice else other))


_accounts = st.sampled_from(["alice", "bob", "world", "a.b:c-d_e", "x" * 64])
_any = st.one_of(_texts, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.just("y" * 65))
_members = st.fixed_dictionaries(
    {
        "idempotency_key": _mostly(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=255), _any),
        "from": _mostly(_accounts, _any),
        "to": _mostly(_accounts, _any),
        "amount": _mostly(st.integers(1, 2**53 - 1), st.one_of(_any, st.sampled_from(["5", 0, 2**53]))),
        "currency": _mostly(st.sampled_from(["EUR", "EUR", "USD", "JPY"]), _any),
    },
    optional={"reference": _mostly(st.one_of(_texts, st.none()), st.one_of(_any, st.just("\0"), st.just("z" * 256)))},
)


@st.composite
def _items(draw: st.DrawFn) -> str:
    """Draw an item whose members come in any order; now and then with one too many, or the same once more."""
    members = draw(st.permutations(list(draw(_members).items())))
    if not draw(st.integers(0, 29)):
        members.append(draw(st.sampled_from([*members, ("metadata", "null"), ("mode", '"immediate"'), ("surprise", "1")])))
    space = draw(st.sampled_from(["", " ", "\n\t"]))
    return "{" + f",{space}".join(f'"{name}":{space}{value}' for name, value in members) + "}"


@_thorough
@given(st.lists(_items(), max_size=4))
def test_columns_say_what_the_plain_road_reads(items: list[str]) -> None:
    agrees(f'{{"payments":[{",".join(items)}]}}'.encode())


# The answers.

_refusals = st.sampled_from(
    [
        Result.ACCOUNT_NOT_FOUND, Result.ACCOUNT_CLOSED, Result.ACCOUNT_FROZEN, Result.CURRENCY_MISMATCH, Result.SAME_ACCOUNT,
        Result.INSUFFICIENT_FUNDS, Result.LIMIT_EXCEEDED, Result.SHARD_UNAVAILABLE, Result.IDEMPOTENCY_KEY_REUSED,
    ]
)  # fmt: skip
_errors: st.SearchStrategy[LedgerError] = st.sampled_from([Overloaded(2.5), ShardUnavailable(1, 1.0), OutcomeUnknown("lost")])
_numbers = st.integers(1, 2**35)
_positions = st.lists(st.tuples(st.integers(0, SHARDS - 1), _numbers), max_size=2).map(tuple)
_replays = st.builds(PaymentAnswer, st.just(Result.ACCEPTED), st.booleans(), st.just(AT - 5), _numbers, st.integers(0, 9), _numbers,
                     st.just(0), _positions)  # fmt: skip
_refused = st.builds(PaymentAnswer, _refusals, st.booleans(), st.just(AT - 5), _numbers, st.integers(0, 9), _numbers,
                     st.integers(0, 1))  # fmt: skip
_singles = st.one_of(st.none(), st.none(), st.none(), _replays, _refused, _errors)
_only_singles = st.one_of(_refused, _errors)
_answers = st.one_of(
    st.lists(_singles, min_size=1, max_size=8), st.lists(_only_singles, min_size=1, max_size=4), st.lists(_errors, min_size=1)
)
_payments = st.tuples(
    _accounts, _accounts, st.integers(1, 2**53 - 1), st.sampled_from(["EUR", "JPY"]), st.one_of(st.none(), _texts)
)


def asked(drawn: Sequence[tuple[str, str, int, str, str | None]]) -> bytes:
    """Return the body that asks for these payments."""
    items = [
        {
            "idempotency_key": str(number), "from": source, "to": target, "amount": amount, "currency": currency,
            **({} if reference is None else {"reference": reference.replace("\0", "0")}),
        }
        for number, (source, target, amount, currency, reference) in enumerate(drawn)
    ]  # fmt: skip
    return msgspec.json.encode({"payments": items})


def outcomes_of(
    payments: PayMany, singles: Sequence[AnyAnswer | LedgerError | None], sequences: Sequence[int]
) -> tuple[PaymentOutcomes, list[AnyAnswer | LedgerError]]:
    """Return outcomes, and the same as an answer for each payment. Where `singles` has None the payment was accepted at once."""
    outcomes, answers = PaymentOutcomes(len(payments)), []
    record_by_shard: dict[int, int] = {}
    for place, single in enumerate(singles):
        pay = payments.pay(place, SHARDS)
        if single is not None:
            outcomes.others[place] = single
            answers.append(single)
            continue
        record = record_by_shard.setdefault(pay.shard, len(outcomes.records))
        sequence, other = sequences[pay.shard], shard_of(pay.to_account, SHARDS)
        if record == len(outcomes.records):
            outcomes.records.append((AT + pay.shard, pay.shard, sequence))
        outcomes.record_of[place], outcomes.indexes[place] = record, place * 1500
        positions = ((other, sequences[other]),) if other != pay.shard else ()
        outcomes.positions += [(pay.shard, sequence), *positions]
        answers.append(PaymentAnswer(Result.ACCEPTED, False, AT + pay.shard, sequence, place * 1500, sequence, 0, positions))
    return outcomes, answers


def answered(answer: Answer | Problem) -> Answer:
    """Return what is sent, whichever way it comes."""
    return answer.answer("req_x") if isinstance(answer, Problem) else answer


def both_answers(
    payments: PayMany, instructions: list[Instruction], outcomes: PaymentOutcomes, answers: list[AnyAnswer | LedgerError],
    minimal: bool,
) -> tuple[tuple[Answer, dict[int, int]], tuple[Answer, dict[int, int]]]:  # fmt: skip
    """Return the answers of the columns and of the plain road, each with what it acknowledged."""
    one, other = Acknowledged(), Acknowledged()
    try:
        columnar: Answer | Problem = columns_answer(one, payments, outcomes, SHARDS, "req_x", minimal)
    except Problem as problem:
        columnar = problem
    try:
        plain: Answer | Problem = batch_answer(other, instructions, answers, "req_x", minimal)
    except Problem as problem:
        plain = problem
    return (answered(columnar), one.positions), (answered(plain), other.positions)


@_thorough
@given(st.data(), _answers, st.lists(_numbers, min_size=SHARDS, max_size=SHARDS), st.booleans())
def test_answers_are_the_plain_road_s_byte_for_byte(
    data: st.DataObject, singles: list[AnyAnswer | LedgerError | None], sequences: list[int], minimal: bool
) -> None:
    request = asked(data.draw(st.lists(_payments, min_size=len(singles), max_size=len(singles))))
    payments, instructions = parse_columns(request), plainly(request)
    assert payments is not None
    assert all(isinstance(instruction, Pay) for instruction in instructions)
    outcomes, answers = outcomes_of(payments, singles, sequences)
    columnar, plain = both_answers(payments, instructions, outcomes, answers, minimal)
    assert columnar == plain


@pytest.mark.parametrize("minimal", [False, True])
def test_every_kind_of_outcome_is_answered_in_its_place(minimal: bool) -> None:
    request = asked([("alice", "bob", number + 1, "EUR", None) for number in range(5)])
    payments = parse_columns(request)
    assert payments is not None
    refusal = PaymentAnswer(Result.INSUFFICIENT_FUNDS, False, AT, 9, 1, 9)
    replay = PaymentAnswer(Result.ACCEPTED, True, AT, 8, 2, 8)
    outcomes, answers = outcomes_of(payments, [None, refusal, replay, OutcomeUnknown("lost"), None], [7] * SHARDS)
    (answer, acknowledged), plain = both_answers(payments, plainly(request), outcomes, answers, minimal)
    results = msgspec.json.decode(answer.body)["results"]
    assert [result["status"] for result in results] == [201, 422, 201, 504, 201]
    assert ("payment" in results[0]) is not minimal
    assert acknowledged[shard_of("alice", SHARDS)] == 9
    assert (answer, acknowledged) == plain
