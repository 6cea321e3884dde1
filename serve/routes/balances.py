"""An account's balances alone, from the copy in Redis where there is one: a read that asks no shard."""

from processor.cache.balances import BalanceCache, CachedBalances
from processor.cache.link import CacheUnavailable
from processor.wire_values import money
from serve.bodies.accounts import BalancesBody
from serve.bodies.values import AsOf
from serve.consistency import seen_by_client, token_header
from serve.routes.account import account_of, existing_account
from serve.routes.route import ACCOUNT, CONSISTENCY_TOKEN, READ_PROBLEMS, Route
from serve.wire.answer import Answer, encode_json
from serve.wire.request import Request


async def read_balances(request: Request) -> Answer:
    """Read an account's balances."""
    account, shard = account_of(request)
    copy = await _copy_of(request.site.cache.balances, account)
    if copy is not None and copy.sequence >= seen_by_client(request).get(shard, 0):
        return _answer(account, copy, from_cache=True)
    view, sequence = await existing_account(request, account, shard)
    live = CachedBalances(shard, sequence, 0, view.currency, view.posted, view.pending_in, view.pending_out)
    return _answer(account, live, from_cache=False)


async def _copy_of(cache: BalanceCache | None, account: str) -> CachedBalances | None:
    if cache is None:
        return None
    try:
        return await cache.read(account)
    except CacheUnavailable:
        return None


def _answer(account: str, found: CachedBalances, from_cache: bool) -> Answer:
    body = BalancesBody(
        account,
        found.currency,
        money(found.posted),
        money(found.pending_in),
        money(found.pending_out),
        money(found.posted - found.pending_out),
        "cache" if from_cache else "ledger",
        AsOf(found.shard, found.sequence),
    )
    return Answer(200, encode_json(body), (token_header([(found.shard, found.sequence)]),))


ROUTES = (
    Route(
        "GET", "/v1/accounts/{id}/balances", read_balances, "Read an account's balances", "Accounts", {200: BalancesBody},
        "Cheaper than the account itself where Redis is configured: the copy there follows the ledger by a moment, and `as_of` says "
        "of which record it is. With a `Consistency-Token` that is newer than the copy, or without Redis, the ledger is asked.",
        None, (ACCOUNT, CONSISTENCY_TOKEN), ("account_not_found", *READ_PROBLEMS),
    ),
)  # fmt: skip
