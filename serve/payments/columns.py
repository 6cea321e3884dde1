"""The common batch, read and answered as columns: payments of one leg with whole amounts and no metadata, conditions or holds.

What is checked for each item by itself elsewhere is checked here for all of them at once. A batch that is anything else, or has
anything wrong with it, is left to `batches.py`, which finds out what and where.
"""

import re
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.payment_outcomes import PaymentOutcomes
from processor.core.ids import record_prefix, suffix
from processor.core.messages import PayMany, PaymentAnswer
from processor.core.routing import shard_of
from processor.wire_values import SAFE_INTEGER_MAX, rfc3339
from serve.acknowledged import Acknowledged
from serve.bodies.payments import BatchResultBody, BatchResultsBody, PaymentBody, PaymentLegBody
from serve.bodies.values import AsOf
from serve.consistency import newest, token_header
from serve.limits import (
    ACCOUNT_ID_CHARACTERS_MAX,
    BATCH_ITEMS_MAX,
    IDEMPOTENCY_KEY_CHARACTERS_MAX,
    REFERENCE_CHARACTERS_MAX,
)
from serve.payments.batches import require_any_outcome, result_of
from serve.payments.currencies import MINOR_UNIT_DIGITS
from serve.payments.idempotency import fingerprints, key_digests
from serve.wire.answer import Answer, encode_json
from serve.wire.strict_json import has_nul, strings_in

_AccountText = Annotated[str, Meta(min_length=1, max_length=ACCOUNT_ID_CHARACTERS_MAX)]
_KeyText = Annotated[str, Meta(min_length=1, max_length=IDEMPOTENCY_KEY_CHARACTERS_MAX)]
_are_account_characters = re.compile(r"[A-Za-z0-9_.:-]*").fullmatch
_are_key_characters = re.compile(r"[!-~]*").fullmatch
_STRINGS_OF_ITEM = 9
"""Names and values of an item without a reference."""


class _Item(msgspec.Struct, forbid_unknown_fields=True, gc=False, rename={"from_account": "from", "to_account": "to"}):
    idempotency_key: _KeyText
    from_account: _AccountText
    to_account: _AccountText
    amount: Annotated[int, Meta(ge=1, le=SAFE_INTEGER_MAX)]
    currency: str
    reference: Annotated[str, Meta(max_length=REFERENCE_CHARACTERS_MAX)] | UnsetType | None = UNSET


class _Items(msgspec.Struct, forbid_unknown_fields=True):
    payments: Annotated[list[_Item], Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]


_decode = msgspec.json.Decoder(_Items).decode


def parse_columns(data: bytes) -> PayMany | None:
    """Return the payments of a batch, or None if it is not one of the common kind."""
    try:
        items = _decode(data).payments
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    sources, targets = [item.from_account for item in items], [item.to_account for item in items]
    keys, references = [item.idempotency_key for item in items], [item.reference for item in items]
    currencies = [item.currency for item in items]
    strings = 1 + _STRINGS_OF_ITEM * len(items) + 2 * (len(items) - references.count(UNSET)) - references.count(None)
    if (
        strings_in(data) != strings
        or not _are_account_characters("".join(sources))
        or not _are_account_characters("".join(targets))
        or not _are_key_characters("".join(keys))
        or not MINOR_UNIT_DIGITS.keys() >= set(currencies)
        or has_nul(data)
    ):
        return None
    amounts = [item.amount for item in items]
    texts = [] if references.count(UNSET) == len(items) else [None if text is UNSET else text for text in references]
    contents = fingerprints(sources, targets, amounts, currencies, texts)
    if currencies.count(currencies[0]) == len(items):
        currencies = currencies[:1]
    return PayMany(key_digests(sources, keys), contents, sources, targets, amounts, currencies, texts)


def columns_answer(
    acknowledged: Acknowledged, payments: PayMany, outcomes: PaymentOutcomes, shards: int, request_id: str, minimal: bool
) -> Answer:
    """Return the HTTP answer. Raises Problem if the ledger took none of them: then the whole batch is to be sent again."""
    others = outcomes.others
    require_any_outcome([others[place] for place in sorted(others)] if len(others) == len(payments) else [])
    positions = set(outcomes.positions)
    for place, answer in others.items():
        if isinstance(answer, PaymentAnswer):
            positions.add((shard_of(payments.from_accounts[place], shards), answer.as_of))
            positions.update(answer.others)
    told = newest(positions)
    acknowledged.note(told)
    body = _minimal(payments, outcomes, shards, request_id) if minimal else _full(payments, outcomes, shards, request_id)
    return Answer(200, body, (token_header(told),) if told else ())


def _minimal(payments: PayMany, outcomes: PaymentOutcomes, shards: int, request_id: str) -> bytes:
    """Return the body with nothing but the ids of accepted payments: text, because all of it is known to need no escapes."""
    beginnings = [f'{{"status":201,"id":"{record_prefix(*record)}' for record in outcomes.records]
    beginnings.append("")  # of those that have an answer of their own, which takes its place below
    results = [
        f'{beginnings[record]}{suffix(index)}"}}' for record, index in zip(outcomes.record_of, outcomes.indexes, strict=True)
    ]
    for place, answer in outcomes.others.items():
        results[place] = encode_json(result_of(payments.pay(place, shards), answer, request_id, True)).decode()
    return f'{{"results":[{",".join(results)}]}}'.encode()


def _full(payments: PayMany, outcomes: PaymentOutcomes, shards: int, request_id: str) -> bytes:
    records = outcomes.records
    ids = [record_prefix(*record) for record in records]
    times = [rfc3339(at) for at, _, _ in records]
    read_from = [AsOf(shard, sequence) for _, shard, sequence in records]
    results = []
    for place, record in enumerate(outcomes.record_of):
        if record < 0:
            results.append(result_of(payments.pay(place, shards), outcomes.others[place], request_id, False))
            continue
        source, target, amount = payments.from_accounts[place], payments.to_accounts[place], payments.amounts[place]
        currency = payments.currencies[place if len(payments.currencies) > 1 else 0]
        reference = payments.references[place] if payments.references else None
        body = PaymentBody(
            ids[record] + suffix(outcomes.indexes[place]), "succeeded", source, target, amount, currency,
            [PaymentLegBody(source, target, amount, currency)], "immediate", 0, amount, 0, None, reference, {}, times[record],
            read_from[record],
        )  # fmt: skip
        results.append(BatchResultBody(201, False, body))
    return encode_json(BatchResultsBody(results))
