"""What is told of accounts, and of payments that are made or refused at once.

Payments of one leg make most of a journal: nothing is called for them that can be written out.
"""

from processor.core import events as e
from processor.core.ids import PREFIX, payment_id, suffix
from processor.core.messages import Kind
from processor.core.results import Result
from processor.creation import created_by
from processor.eventlog import catalogue as types
from processor.eventlog.event import (
    AboutAccount,
    AboutPayment,
    AboutRefusal,
    AccountData,
    BalancesData,
    EntryData,
    LegData,
    PaymentData,
    PublishedEvent,
)
from processor.eventlog.payments import OPERATIONS
from processor.eventlog.standing import one, standing
from processor.eventlog.telling import Telling

_NO_METADATA: dict[str, str] = {}
_STATUSES = {"open": types.ACCOUNT_UNFROZEN, "frozen": types.ACCOUNT_FROZEN, "closed": types.ACCOUNT_CLOSED}


def tell_account_opened(telling: Telling, event: e.AccountOpened) -> None:
    account, currency = event.account, event.currency
    data = AccountData(account, "open", currency, event.min_balance, event.max_balance, event.metadata or _NO_METADATA)
    stands = (BalancesData(account, currency, 0, 0, 0, 0),)
    telling.add(types.ACCOUNT_OPENED, account, (account,), AboutAccount(data, stands))


def tell_status_changed(telling: Telling, event: e.StatusChanged) -> None:
    data = AboutAccount(AccountData(event.account, event.status), ())
    telling.add(_STATUSES[event.status], event.account, (event.account,), data)


def tell_paid(telling: Telling, event: e.Paid) -> None:
    source, target, amount, currency = event.from_account, event.to_account, event.amount, event.currency
    pending = event.pending
    source_out, source_in, target_out, target_in = pending or ((0, 0, 0, 0) if pending is not None else (None,) * 4)
    entries = (
        EntryData(source, "debit", amount, currency, event.from_posted),
        EntryData(target, "credit", amount, currency, event.to_posted),
    )
    stands = (
        one(source, currency, event.from_posted, source_out, source_in),
        one(target, currency, event.to_posted, target_out, target_in),
    )
    _made_at_once(telling, event, entries, stands, (source, target))


def tell_paid_out(telling: Telling, event: e.PaidOut) -> None:
    source, currency, posted, pending = event.from_account, event.currency, event.from_posted, event.pending
    pending_out, pending_in = pending or ((0, 0) if pending is not None else (None, None))
    entries = (EntryData(source, "debit", event.amount, currency, posted),)
    _made_at_once(telling, event, entries, (one(source, currency, posted, pending_out, pending_in),), (source,))


def _made_at_once(
    telling: Telling,
    event: e.Paid | e.PaidOut,
    entries: tuple[EntryData, ...],
    stands: tuple[BalancesData, ...],
    accounts: tuple[str, ...],
) -> None:
    source, target, amount, currency = event.from_account, event.to_account, event.amount, event.currency
    identity = telling.prefix + suffix(telling.index)
    payment = PaymentData(
        identity, "succeeded", source, target, amount, currency, (LegData(source, target, amount, currency),), "immediate",
        0, amount, 0, None, event.reference, event.metadata or _NO_METADATA, telling.at,
    )  # fmt: skip
    data = AboutPayment("payment", payment, (amount,), None, entries, stands)
    telling.published.append(
        PublishedEvent(
            telling.shard, telling.sequence, telling.index, telling.at, types.PAYMENT_SUCCEEDED, identity, accounts, data
        )  # fmt: skip
    )


def tell_paid_legs(telling: Telling, event: e.PaidLegs) -> None:
    created, here = created_by(event), telling.here()
    assert created is not None
    telling.payment(
        types.PAYMENT_SUCCEEDED,
        Kind.PAYMENT,
        created,
        here,
        "succeeded",
        created.amounts,
        standing(event.balances, event.entries),
    )


def tell_refused(telling: Telling, event: e.Refused) -> None:
    place = payment_id(*telling.here())
    payment = place if event.about is None else payment_id(event.about[0], telling.shard, *event.about[1:])
    is_condition = event.result == Result.BALANCE_CONDITION_FAILED
    leg, side = divmod(event.where, 2)
    data = AboutRefusal(
        OPERATIONS[event.kind] if event.kind is not None else None,
        payment if event.kind is not None else None,
        f"req_{place.removeprefix(PREFIX)}",
        Result(event.result).code,
        None if is_condition else leg,
        None if is_condition else ("to" if side else "from"),
        event.where if is_condition else None,
    )
    telling.add(types.PAYMENT_REFUSED, data.payment_id or data.request_id, (), data)
