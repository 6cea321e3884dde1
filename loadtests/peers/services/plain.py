"""The plain peer: one SQL transaction for each payment, statement by statement."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg

from loadtests.peers.services.application import create_app
from loadtests.peers.services.pool import open_pool
from loadtests.peers.services.request import Pay, PaymentRequest, Refused
from processor.journal.postgres.queries import load_queries

CONNECTIONS = 16
_QUERIES = load_queries("plain.sql", __package__)


@asynccontextmanager
async def open_payer() -> AsyncIterator[Pay]:
    """Give what makes payments, on a pool of its own."""
    async with open_pool(CONNECTIONS) as pool:

        async def pay(key: str, request: PaymentRequest) -> str:
            async with pool.acquire() as connection, connection.transaction():
                return str(await _make_payment(connection, key, request))

        yield pay


async def _make_payment(connection: asyncpg.Connection, key: str, request: PaymentRequest) -> int:
    asked = (request.payer, request.payee, request.amount, request.currency)
    payment: int | None = await connection.fetchval(_QUERIES["insert_payment"], key, *asked)
    if payment is None:
        made = await connection.fetchrow(_QUERIES["find_payment"], key, *asked)
        if not made["is_same"]:
            raise Refused("idempotency_key_reused")
        return int(made["id"])
    accounts = await connection.fetch(_QUERIES["lock_accounts"], request.payer, request.payee)
    _check({account["id"]: account for account in accounts}, request)
    await connection.execute(_QUERIES["insert_entries"], payment, request.payer, request.payee, request.amount)
    await connection.execute(_QUERIES["change_balances"], request.payer, request.payee, request.amount)
    await connection.execute(_QUERIES["insert_event"], payment)
    return payment


def _check(accounts: Mapping[str, Mapping[str, str | int | None]], request: PaymentRequest) -> None:
    """Raise Refused, which rolls the transaction back, if the accounts do not allow the payment."""
    if request.payer == request.payee:
        raise Refused("same_account")
    if len(accounts) < 2:
        raise Refused("account_not_found")
    if any(account["currency"] != request.currency for account in accounts.values()):
        raise Refused("currency_mismatch")
    balance, min_balance = accounts[request.payer]["balance"], accounts[request.payer]["min_balance"]
    if min_balance is not None and int(balance or 0) - request.amount < int(min_balance):
        raise Refused("insufficient_funds")


app = create_app(open_payer)
