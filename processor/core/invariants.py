"""What holds for every shard between records. Used by tests, by the verifier, and nowhere on the hot path."""

from collections import Counter
from collections.abc import Iterable, Iterator

from processor.core.account import HIGHEST_BALANCE, LOWEST_BALANCE
from processor.core.events import Hold
from processor.core.legs import leg_holds
from processor.core.shard import Shard


def sum_violations(shard: Shard) -> list[str]:
    """Return how the shard breaks promise 3: per currency, posted balances and money in transit sum to zero. Cheap."""
    found = []
    for currency, posted in shard.posted.items():
        transit = sum(sent.get(currency, 0) for sent in shard.transit.values())
        if posted + transit:
            found.append(f"shard {shard.number}, {currency}: posted {posted} and in transit {transit} do not sum to zero")
    return found


def violations(shard: Shard) -> list[str]:
    """Return every broken invariant of the shard, looking at each account."""
    found = sum_violations(shard) + payment_violations(shard)
    posted: Counter[str] = Counter()
    outgoing: Counter[str] = Counter()
    incoming: Counter[str] = Counter()
    for hold in _holds(shard):
        outgoing[hold.account] += hold.outgoing
        incoming[hold.account] += hold.incoming
    for account in shard.accounts.values():
        where = f"shard {shard.number}, account {account.id}"
        posted[account.currency] += account.posted
        floor = account.min_balance if account.min_balance is not None else LOWEST_BALANCE
        ceiling = account.max_balance if account.max_balance is not None else HIGHEST_BALANCE
        if account.posted - account.pending_out < min(floor, 0):
            found.append(f"{where}: available {account.posted - account.pending_out} is below min_balance {floor}")
        if account.posted + account.pending_in > ceiling:
            found.append(f"{where}: {account.posted + account.pending_in} is above max_balance {ceiling}")
        if (account.pending_out, account.pending_in) != (outgoing[account.id], incoming[account.id]):
            found.append(f"{where}: pending balances differ from what payments hold")
        if shard.shard_of(account.id) != shard.number:
            found.append(f"{where}: the account belongs to shard {shard.shard_of(account.id)}")
    for currency, total in shard.posted.items():
        if posted[currency] != total:
            found.append(f"shard {shard.number}, {currency}: the accounts sum to {posted[currency]}, the total says {total}")
    return found


def _holds(shard: Shard) -> Iterator[Hold]:
    """Yield all that is reserved here: by open transfers, for this shard's own payments, and for others'."""
    for transfer in shard.transfers.values():
        if transfer.result is None:  # A committed hold's are the payment's.
            yield from transfer.holds
    for inbox in shard.inboxes.values():
        for part in inbox.parts.values():
            yield from part.holds
    for payment in shard.payments.values():
        yield from leg_holds(payment.legs, payment.held, lambda account: shard.shard_of(account) == shard.number)
    for kept in shard.held_for.values():
        for holds in kept.values():
            yield from holds


def payment_violations(shard: Shard) -> list[str]:
    """Return which payments in memory have amounts that cannot be."""
    found = []
    for payment in shard.payments.values():
        for leg, held, captured, refunded, refunding in zip(
            payment.legs, payment.held, payment.captured, payment.refunded, payment.refunding, strict=True
        ):
            if min(held, captured, refunded, refunding) < 0 or held + captured > leg.amount or refunded + refunding > captured:
                found.append(f"shard {shard.number}, payment {payment.sequence}:{payment.index}: its amounts do not fit its legs")
                break
    return found


def transit_violations(shards: Iterable[Shard]) -> list[str]:
    """Return which pairs of shards, with no transfer open between them, do not agree on what went from one to the other."""
    by_number = {shard.number: shard for shard in shards}
    found = []
    for shard in by_number.values():
        for other, sent in shard.transit.items():
            if other not in by_number or other < shard.number:
                continue
            back = by_number[other].transit.get(shard.number, {})
            for currency in sent.keys() | back.keys():
                if sent.get(currency, 0) + back.get(currency, 0):
                    found.append(f"shards {shard.number} and {other} disagree on {currency} sent between them")
    return found


def held_violations(shards: Iterable[Shard]) -> list[str]:
    """Return which payments, with no transfer open, do not hold on other shards what they should, or the other way round."""
    by_number = {shard.number: shard for shard in shards}
    found = []
    for home in by_number.values():
        for other in by_number.values():
            if other is home:
                continue
            should = {}
            for payment in home.payments.values():
                holds = leg_holds(payment.legs, payment.held, lambda account: home.shard_of(account) == other.number)  # noqa: B023
                if holds:
                    should[payment.key] = {hold.account: hold for hold in holds}
            kept = {key: {hold.account: hold for hold in holds} for key, holds in other.held_for.get(home.number, {}).items()}
            if kept != should:
                found.append(
                    f"shards {home.number} and {other.number} disagree on what the second holds for the first's payments"
                )
    return found
