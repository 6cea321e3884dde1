"""The peer in front of TigerBeetle: its published client, one of them shared by all requests, which it merges by itself.

A transfer's id is the hash of the idempotency key, so TigerBeetle itself refuses to make a payment twice.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import tigerbeetle
from tigerbeetle import CreateTransferStatus as Status

from loadtests.peers.services.application import create_app
from loadtests.peers.services.request import Pay, PaymentRequest, Refused
from loadtests.peers.services.tigerbeetle_names import ADDRESS, CLUSTER, CODE, LEDGERS, id_of

_MADE = (Status.CREATED, Status.EXISTS)
_REFUSALS = {
    Status.EXCEEDS_CREDITS: "insufficient_funds",
    Status.EXCEEDS_DEBITS: "insufficient_funds",
    Status.ACCOUNTS_MUST_BE_DIFFERENT: "same_account",
    Status.DEBIT_ACCOUNT_NOT_FOUND: "account_not_found",
    Status.CREDIT_ACCOUNT_NOT_FOUND: "account_not_found",
    Status.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS: "currency_mismatch",
    Status.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID: "idempotency_key_reused",
    Status.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID: "idempotency_key_reused",
    Status.EXISTS_WITH_DIFFERENT_AMOUNT: "idempotency_key_reused",
    Status.EXISTS_WITH_DIFFERENT_LEDGER: "idempotency_key_reused",
    Status.ID_ALREADY_FAILED: "refused_before",
}


def transfer_of(key: str, request: PaymentRequest) -> tigerbeetle.Transfer:
    """Return the transfer that a request asks for. Raises Refused if there is no ledger for its currency."""
    ledger = LEDGERS.get(request.currency)
    if ledger is None:
        raise Refused("currency_mismatch")
    return tigerbeetle.Transfer(
        id=id_of(key),
        debit_account_id=id_of(request.payer),
        credit_account_id=id_of(request.payee),
        amount=request.amount,
        ledger=ledger,
        code=CODE,
    )


def require_made(status: Status) -> None:
    """Raise Refused if the rules refuse the transfer, RuntimeError if the request should never have been sent like this."""
    if status in _MADE:
        return
    if status not in _REFUSALS:
        raise RuntimeError(f"TigerBeetle answered {status.name}")
    raise Refused(_REFUSALS[status])


@asynccontextmanager
async def open_payer() -> AsyncIterator[Pay]:
    """Give what makes payments, over a client of its own."""
    async with tigerbeetle.ClientAsync(cluster_id=CLUSTER, replica_addresses=os.environ[ADDRESS]) as client:

        async def pay(key: str, request: PaymentRequest) -> str:
            transfer = transfer_of(key, request)
            [result] = await client.create_transfers([transfer])
            require_made(result.status)
            return f"{transfer.id:032x}"

        yield pay


app = create_app(open_payer)
