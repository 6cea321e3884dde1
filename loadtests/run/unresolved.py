"""Asking again for what became of payments whose answer did not come in time: then the books are exact."""

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from loadtests.measures.part import Part
from loadtests.scenarios.keys import key_of
from loadtests.scenarios.plan import Plan
from loadtests.scenarios.templates import Template
from processor.client.address import parse_address
from processor.client.connection import Connection
from processor.client.outcome import BATCH_PATH, MINIMAL, send_batch
from processor.client.post import Post
from processor.client.together import run_together

CONNECTIONS = 16
AcceptedItems = list[tuple[int, int, int]]
"""(process, template, place in the template) of single accepted payments."""


class _Held(msgspec.Struct):
    id: str


async def resolve(plan: Plan, parts: list[Part], templates: dict[int, list[Template]]) -> AcceptedItems:
    """Send every unresolved operation once more, with the keys that it had, and return the payments that are accepted.

    Raises Unavailable, UnexpectedAnswer.
    """
    waiting = iter([(part.process, number) for part in parts for number in part.unresolved])
    accepted: AcceptedItems = []

    async def work() -> None:
        async with Connection(parse_address(plan.url)) as connection:
            for process, number in waiting:
                template = number % len(templates[process])
                places = await _resolve_one(plan, connection, templates[process][template], key_of(plan.run, process, number))
                accepted.extend((process, template, place) for place in places)

    await run_together(work() for _ in range(min(CONNECTIONS, sum(len(part.unresolved) for part in parts))))
    return accepted


async def _resolve_one(plan: Plan, connection: Connection, template: Template, key: bytes) -> list[int]:
    address = connection.address
    if plan.of.kind == "batch":
        outcomes = await send_batch(connection, Post(address, BATCH_PATH, MINIMAL), template.fill(key), len(template.payments))
        return [place for place, outcome in enumerate(outcomes) if outcome.status == 201]
    reply = await connection.post("/v1/payments", template.body, key)
    if reply.status == 201 and plan.of.kind == "hold_capture":
        held = msgspec.json.decode(reply.body, type=_Held).id
        reply = await connection.post(f"/v1/payments/{held}/capture", b"{}", key)
    return [0] if 200 <= reply.status < 300 else []


def expected_balances(
    plan: Plan, parts: list[Part], templates: dict[int, list[Template]], resolved: AcceptedItems
) -> tuple[dict[str, int], int]:
    """Return what every account must have now, and how many payments make it so."""
    balances: dict[int, int] = defaultdict(int)
    payments = 0
    for process, template, place, times in (*_told(parts, templates), *((*item, 1) for item in resolved)):
        payment = templates[process][template].payments[place]
        balances[payment.source] -= payment.amount * times
        balances[payment.target] += payment.amount * times
        payments += times
    return {account: balances[number] for number, account in enumerate(plan.account_ids)}, payments


def _told(parts: list[Part], templates: dict[int, list[Template]]) -> Iterator[tuple[int, int, int, int]]:
    """Yield (process, template, place, times) of everything that was accepted during the run."""
    for part in parts:
        for template, times in part.accepted.items():
            for place in range(len(templates[part.process][template].payments)):
                yield part.process, template, place, times
        for template, place in part.accepted_items:
            yield part.process, template, place, 1
