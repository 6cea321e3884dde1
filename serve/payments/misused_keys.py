"""Refusing idempotency keys that were used with another `from` account before, as far as Redis remembers."""

import msgspec

from processor.cache.keys import KeyGuard
from processor.core.messages import PayMany
from serve.payments.batches import Instruction
from serve.payments.identity import Creation, legs_of
from serve.payments.items import items_of
from serve.wire.problems import Problem

_DETAIL = "This key was used for a payment from another account; use a new one for every payment you mean to make."


class _Key(msgspec.Struct, gc=False):
    idempotency_key: str = ""


class _Keys(msgspec.Struct):
    payments: list[_Key]


_key = msgspec.json.Decoder(_Key)
_keys = msgspec.json.Decoder(_Keys)


async def refuse_misused_key(guard: KeyGuard, key: str, message: Creation) -> None:
    """Raise Problem if the key of this payment was used with another account."""
    if await guard.misused([key], [legs_of(message)[0].from_account]):
        raise Problem("idempotency_key_reused", _DETAIL)


async def refuse_misused_keys(guard: KeyGuard, data: bytes, instructions: list[Instruction]) -> list[Instruction]:
    """Return a batch's instructions with those refused whose keys were used with another account, earlier or in the batch itself."""
    places, keys, accounts = [], [], []
    for place, (item, instruction) in enumerate(zip(items_of(data, "payments"), instructions, strict=True)):
        if not isinstance(instruction, Problem):
            places.append(place)
            keys.append(_key.decode(item).idempotency_key)
            accounts.append(legs_of(instruction)[0].from_account)
    refused = {places[found] for found in await guard.misused(keys, accounts)}
    return [
        Problem("idempotency_key_reused", _DETAIL) if place in refused else instruction
        for place, instruction in enumerate(instructions)
    ]


async def are_keys_misused(guard: KeyGuard, data: bytes, payments: PayMany) -> bool:
    """Whether any key of a batch that was read as columns was used with another account: then its items are to be looked at."""
    keys = [item.idempotency_key for item in _keys.decode(data).payments]
    return bool(await guard.misused(keys, payments.from_accounts))
