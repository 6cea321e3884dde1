"""What the table holds of a payment.

The payment itself is one item under its id, with the attributes of `PaymentData`. `from_account` and `to_account` are those of its
first leg and lead the indexes by account; a payment whose legs name further accounts has for these small items under
`<payment id>#1`, `#2` and so on, which are in the indexes alike and name the payment in `part_of`.

`version` is the place of the newest event that the item tells, `shard-sequence-index` in digits of fixed number, so that comparing
them as text is comparing their order. All events about a payment come from one shard.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from processor.core.ids import parse_payment_id
from processor.eventlog.event import AboutPayment, LegData, PaymentData, PublishedEvent
from processor.wire_values import rfc3339

KEY = "payment_id"
VERSION = "version"
FROM_ACCOUNT, TO_ACCOUNT, REFERENCE, CREATED_AT = "from_account", "to_account", "reference", "created_at"
PART_OF = "part_of"
REMOVE_AT = "remove_at_seconds"
DAY_SECONDS = 24 * 3600

Attributes = dict[str, dict[str, Any]]
"""Attribute name to value, as DynamoDB's wire protocol has it: `{"S": "..."}`."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """One item to be written. `event` is what it tells; `is_new`: the payment was made just now, so there should be no older one."""

    event: PublishedEvent
    attributes: Attributes
    is_new: bool


class StoredPayment(msgspec.Struct, frozen=True):
    """A payment as the table has it. Times in microseconds since 1970; `remove_at_seconds` in seconds, None: never."""

    payment: PaymentData
    version: str
    updated_at: int
    remove_at_seconds: int | None


def items_of(events: Iterable[PublishedEvent], days: int, now_seconds: float) -> list[Item]:
    """Return what is to be written for these events: of each payment its newest state alone.

    Payments live in the table for so many `days` after their last event (0: for ever); what is older than that is left out.
    """
    newest: dict[str, PublishedEvent] = {}
    made: set[str] = set()
    for event in events:
        if isinstance(event.data, AboutPayment):
            payment = event.data.payment.id
            before = newest.get(payment)
            if before is None or (before.sequence, before.index) < (event.sequence, event.index):
                newest[payment] = event
            if _is_first(event):
                made.add(payment)
    items: list[Item] = []
    for payment, event in newest.items():
        remove_at = event.at // 1_000_000 + days * DAY_SECONDS if days else None
        if remove_at is None or remove_at > now_seconds:
            items += _items(event, payment in made, remove_at)
    return items


def version_of(event: PublishedEvent) -> str:
    """Return the event's place as text that sorts."""
    return f"{event.shard:04d}-{event.sequence:016d}-{event.index:07d}"


def stored_payment(attributes: Attributes) -> StoredPayment:
    """Return the payment that a whole item tells. Raises KeyError if it is not one of ours."""
    legs = tuple(
        LegData(leg["M"]["from"]["S"], leg["M"]["to"]["S"], int(leg["M"]["amount"]["N"]), leg["M"]["currency"]["S"])
        for leg in attributes["legs"]["L"]
    )
    payment = PaymentData(
        id=attributes[KEY]["S"],
        status=attributes["status"]["S"],
        from_account=_text(attributes, "from"),
        to_account=_text(attributes, "to"),
        amount=_number(attributes, "amount"),
        currency=_text(attributes, "currency"),
        legs=legs,
        mode=attributes["mode"]["S"],
        held=_number(attributes, "held"),
        captured=_number(attributes, "captured"),
        refunded=_number(attributes, "refunded"),
        expires_at=_number(attributes, "expires_at_microseconds"),
        reference=_text(attributes, REFERENCE),
        metadata={name: value["S"] for name, value in attributes["metadata"]["M"].items()},
        created_at=int(attributes["created_at_microseconds"]["N"]),
    )
    updated_at = int(attributes["updated_at_microseconds"]["N"])
    return StoredPayment(payment, attributes[VERSION]["S"], updated_at, _number(attributes, REMOVE_AT))


def _items(event: PublishedEvent, is_new: bool, remove_at: int | None) -> Iterator[Item]:
    data = event.data
    assert isinstance(data, AboutPayment)
    payment = data.payment
    common: Attributes = {
        VERSION: {"S": version_of(event)},
        CREATED_AT: {"S": rfc3339(payment.created_at)},
    }
    if remove_at is not None:
        common[REMOVE_AT] = {"N": str(remove_at)}
    first = payment.legs[0]
    yield Item(
        event,
        {
            KEY: {"S": payment.id},
            FROM_ACCOUNT: {"S": first.from_account},
            TO_ACCOUNT: {"S": first.to_account},
            **common,
            **_state(payment),
            "updated_at": {"S": rfc3339(event.at)},
            "updated_at_microseconds": {"N": str(event.at)},
        },
        is_new,
    )
    for number, accounts in enumerate(_further_accounts(payment.legs), start=1):
        part: Attributes = {KEY: {"S": f"{payment.id}#{number}"}, PART_OF: {"S": payment.id}, **accounts, **common}
        yield Item(event, part, is_new)


def _state(payment: PaymentData) -> Attributes:
    optional_texts = {
        "from": payment.from_account,
        "to": payment.to_account,
        "currency": payment.currency,
        # A key of an index must not be empty.
        REFERENCE: payment.reference or None,
        "expires_at": rfc3339(payment.expires_at) if payment.expires_at is not None else None,
    }
    optional_numbers = {
        "amount": payment.amount,
        "held": payment.held,
        "captured": payment.captured,
        "refunded": payment.refunded,
        "expires_at_microseconds": payment.expires_at,
    }
    return {
        "status": {"S": payment.status},
        "mode": {"S": payment.mode},
        "legs": {"L": [_leg(leg) for leg in payment.legs]},
        "metadata": {"M": {name: {"S": value} for name, value in payment.metadata.items()}},
        "created_at_microseconds": {"N": str(payment.created_at)},
        **{name: {"S": text} for name, text in optional_texts.items() if text is not None},
        **{name: {"N": str(number)} for name, number in optional_numbers.items() if number is not None},
    }


def _leg(leg: LegData) -> dict[str, Any]:
    sides = {"from": {"S": leg.from_account}, "to": {"S": leg.to_account}}
    return {"M": {**sides, "amount": {"N": str(leg.amount)}, "currency": {"S": leg.currency}}}


def _further_accounts(legs: tuple[LegData, ...]) -> list[Attributes]:
    """Return the accounts of later legs, each once for either side on which it stands."""
    if len(legs) == 1:
        return []
    sources = list(dict.fromkeys(leg.from_account for leg in legs))[1:]
    targets = list(dict.fromkeys(leg.to_account for leg in legs))[1:]
    parts: list[Attributes] = [{} for _ in range(max(len(sources), len(targets)))]
    for part, account in zip(parts, sources, strict=False):
        part[FROM_ACCOUNT] = {"S": account}
    for part, account in zip(parts, targets, strict=False):
        part[TO_ACCOUNT] = {"S": account}
    return parts


def _is_first(event: PublishedEvent) -> bool:
    assert isinstance(event.data, AboutPayment)
    return parse_payment_id(event.data.payment.id) == (event.at, event.shard, event.sequence, event.index)


def _text(attributes: Attributes, name: str) -> str | None:
    return attributes[name]["S"] if name in attributes else None


def _number(attributes: Attributes, name: str) -> int | None:
    return int(attributes[name]["N"]) if name in attributes else None
