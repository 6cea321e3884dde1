"""Payment instructions from SQS: each is paid once, whatever is wrong with its neighbours, with the queue or with the API."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from botocore.exceptions import ConnectionClosedError
from msgspec.structs import replace

from processor.bridges.instructions import lane
from processor.local.ports import free_port
from processor.settings import Settings
from serve.app import create_app
from serve.ledger import ShardUnavailable
from tests.api_server import listening
from tests.aws import EmulatedAws
from tests.aws_faults import before
from tests.contract.instructing import Queues, balances, instruction, make_queues, open_accounts, until, working
from tests.unit.serve.failing_ledger import FailingLedger
from tests.unit.serve.running_ledger import running_ledger

pytestmark = pytest.mark.anyio

Api = Callable[[], AbstractAsyncContextManager[httpx.AsyncClient]]
MALFORMED = {
    "no JSON": ("from alice to bob", "invalid_json"),
    "two objects": (instruction("m1", "world", "bob") + instruction("m2", "world", "bob"), "invalid_json"),
    "what would be two items": (instruction("m3", "world", "bob") + "," + instruction("m4", "world", "bob"), "invalid_json"),
    "a list": (f"[{instruction('m5', 'world', 'bob')}]", "invalid_body"),
    "a batch": (f'{{"payments": [{instruction("m6", "world", "bob")}]}}', "invalid_body"),
    "no key": ('{"from": "world", "to": "bob", "amount": 1, "currency": "EUR"}', "idempotency_key_required"),
    "key is a number": ('{"idempotency_key": 7, "from": "world", "to": "bob", "amount": 1}', "idempotency_key_required"),
    "key with a space": (instruction("m 7", "world", "bob"), "invalid_idempotency_key"),
    "unknown member": (instruction("m8", "world", "bob", priority=1), "invalid_body"),
    "no amount": ('{"idempotency_key": "m9", "from": "world", "to": "bob", "currency": "EUR"}', "invalid_body"),
    "fraction": (instruction("m10", "world", "bob").replace("1,", "1.5,"), "invalid_amount"),
    "currency": (instruction("m11", "world", "bob").replace("EUR", "XXE"), "unknown_currency"),
    "member twice": (instruction("m12", "world", "bob")[:-1] + ', "to": "alice"}', "invalid_json"),
    "NUL": (instruction("m13", "world", "bob", reference="\0"), "invalid_json"),
    "nested": ('{"idempotency_key": "m14", "metadata": ' + "[" * 5_000 + "]" * 5_000 + "}", "invalid_json"),
    "large": (instruction("m15", "world", "bob", reference="x" * 300_000), "body_too_large"),
}


@pytest.fixture
def settings(aws: EmulatedAws) -> Settings:
    """Settings with queues of their own, and a port on which nobody listens yet."""
    settings = aws.settings(port=free_port())
    make_queues(aws, settings)
    return settings


@pytest.fixture
def queues(aws: EmulatedAws, settings: Settings) -> Queues:
    return Queues(aws, settings)


@pytest.fixture
async def ledger(anyio_backend: str) -> AsyncIterator[FailingLedger]:
    async with running_ledger() as ledger:
        yield FailingLedger(ledger)


@pytest.fixture
def api(ledger: FailingLedger, settings: Settings) -> Api:
    """Lets the API listen where the bridge looks for it."""

    @asynccontextmanager
    async def listen() -> AsyncIterator[httpx.AsyncClient]:
        async with listening(create_app(ledger), settings.port) as url, httpx.AsyncClient(base_url=url) as client:
            yield client

    return listen


async def test_500_mixed_instructions_end_with_exact_balances(settings: Settings, queues: Queues, api: Api) -> None:
    good = [instruction(f"good-{number}", "world", f"acc-{number % 7}", 1 + number % 5) for number in range(300)]
    refused = [instruction(f"poor-{number}", "poor", "acc-0", 5) for number in range(60)]
    bad = [body for body, _ in MALFORMED.values()]
    bodies = [*good, *good[:100], *refused, *bad, *(instruction(f"late-{number}", "world", "acc-0") for number in range(24))]
    assert len(bodies) == 500
    random.Random(5).shuffle(bodies)
    accounts = [f"acc-{number}" for number in range(7)]
    async with api() as client:
        await open_accounts(client, "poor", *accounts)
        queues.send(bodies)
        async with working(settings) as term:
            await until(lambda: queues.left(queues.instructions) == 0)
            assert (term.state, term.problem) == ("running", None)
        expected = Counter(dict.fromkeys(accounts, 0))
        for number in range(300):
            expected[f"acc-{number % 7}"] += 1 + number % 5
        expected["acc-0"] += 24
        assert await balances(client, *accounts, "poor", "world") == {**expected, "poor": 0, "world": -expected.total()}
    letters = queues.bury()
    assert Counter(letter["Body"] for letter in letters) == Counter([*refused, *bad])
    assert (term.counts.published, term.counts.rejected) == (424, 76)
    assert term.counts.figures == {"taken": 500, "paid": 324, "replayed": 100, "refused": 60, "malformed": 16}


async def test_bad_ones_lie_in_the_dead_letters_with_the_reason(settings: Settings, queues: Queues, api: Api) -> None:
    bodies = dict(MALFORMED.values())
    bodies[instruction("r1", "poor", "bob")] = "insufficient_funds"
    bodies[instruction("r2", "world", "nobody")] = "account_not_found"
    mark = {"trace": {"DataType": "String", "StringValue": "abc"}}
    async with api() as client:
        await open_accounts(client, "poor", "bob", "alice")
        queues.send(bodies, MessageAttributes=mark)
        async with working(settings):
            await until(lambda: queues.left(queues.instructions) == 0)
        assert await balances(client, "world", "bob") == {"world": 0, "bob": 0}
    letters = {letter["Body"]: _texts(letter) for letter in queues.bury()}
    assert {body: texts["code"] for body, texts in letters.items()} == bodies
    assert all(" " in texts["reason"] and texts["trace"] == "abc" for texts in letters.values())
    poor = letters[instruction("r1", "poor", "bob")]
    assert "poor" in poor["reason"] and poor["payment_id"].startswith("pay_")
    assert all("payment_id" not in letters[body] for body, _ in MALFORMED.values())


async def test_what_waits_while_the_api_is_down_is_paid_when_it_is_up(settings: Settings, queues: Queues, api: Api) -> None:
    async with api() as client:
        await open_accounts(client, "bob")
    queues.send(instruction(f"down-{number}", "world", "bob") for number in range(120))
    async with working(settings) as term:
        await until(lambda: term.problem is not None)
        assert term.state == "waiting" and f"127.0.0.1:{settings.port}" in str(term.problem)
        async with api() as client:
            await until(lambda: queues.left(queues.instructions) == 0)
            assert await balances(client, "bob") == {"bob": 120}
            assert term.state == "running"
    assert queues.bury() == []


async def test_a_bridge_that_ends_between_paying_and_deleting_pays_nothing_twice(
    settings: Settings, queues: Queues, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The messages of the first bridge are to come back soon.
    monkeypatch.setattr(lane, "VISIBILITY_SECONDS", 1)
    bodies = [instruction(f"crash-{number}", "world", "bob") for number in range(40)]
    poor = [instruction(f"crash-poor-{number}", "poor", "bob") for number in range(10)]
    paid = asyncio.Event()
    loop = asyncio.get_running_loop()

    def die(*_: Any) -> None:
        loop.call_soon_threadsafe(paid.set)
        raise ConnectionClosedError(endpoint_url="SQS")

    async with api() as client:
        await open_accounts(client, "poor", "bob")
        queues.send([*bodies, *poor])
        with before("sqs", "DeleteMessageBatch", die):
            async with working(settings):
                await paid.wait()
        async with working(settings):
            await until(lambda: queues.left(queues.instructions) == 0)
        assert await balances(client, "bob") == {"bob": 40}
    # A bad one may be there twice, but not less.
    assert {letter["Body"] for letter in queues.bury()} == set(poor)


async def test_what_sqs_does_not_delete_or_does_not_take_as_a_dead_letter_comes_again(
    settings: Settings, queues: Queues, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "VISIBILITY_SECONDS", 1)
    monkeypatch.setattr(lane, "FIRST_PAUSE_SECONDS", 0)
    failures = {"DeleteMessageBatch": 3, "SendMessageBatch": 3}

    def fail_one(operation: str) -> Callable[[Any, dict[str, Any]], dict[str, Any] | None]:
        def hook(model: Any, params: dict[str, Any]) -> dict[str, Any] | None:
            if failures[operation] == 0:
                return None
            failures[operation] -= 1
            return {"Successful": [], "Failed": [{"Id": str(n), "Code": "InternalError", "SenderFault": False} for n in range(1)]}

        return hook

    async with api() as client:
        await open_accounts(client, "poor", "bob")
        with before("sqs", "DeleteMessageBatch", fail_one("DeleteMessageBatch")):
            with before("sqs", "SendMessageBatch", fail_one("SendMessageBatch")):
                queues.send([instruction("one", "world", "bob"), instruction("two", "poor", "bob")])
                async with working(settings) as term:
                    await until(lambda: queues.left(queues.instructions) == 0)
        assert await balances(client, "bob") == {"bob": 1}
    assert failures == {"DeleteMessageBatch": 0, "SendMessageBatch": 0}
    # It was not taken three times; once it was, it may have come again because it was not deleted.
    assert {letter["Body"] for letter in queues.bury()} == {instruction("two", "poor", "bob")}
    assert term.counts.rejected >= 4


async def test_an_instruction_whose_shard_is_away_waits_and_holds_up_no_other(
    settings: Settings, queues: Queues, api: Api, ledger: FailingLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "FIRST_PAUSE_SECONDS", 1)
    ledger.errors = {0: ShardUnavailable(0, 1.0)}
    async with api() as client:
        await open_accounts(client, "bob")
        queues.send(instruction(f"away-{number}", "world", "bob") for number in range(10))
        async with working(settings) as term:
            await until(lambda: queues.left(queues.instructions) == 1)
            assert term.counts.retries >= 1
            ledger.errors = {}
            await until(lambda: queues.left(queues.instructions) == 0)
        assert await balances(client, "bob") == {"bob": 10}
    assert queues.bury() == []


async def test_a_fifo_queue_keeps_the_order_of_a_group_though_the_ledger_fails_in_between(
    aws: EmulatedAws, ledger: FailingLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "FIRST_PAUSE_SECONDS", 1)
    names = aws.settings()
    settings = replace(
        names,
        sqs_instruction_queue=f"{names.sqs_instruction_queue}.fifo",
        sqs_instruction_dead_letter_queue=f"{names.sqs_instruction_dead_letter_queue}.fifo",
    )
    make_queues(aws, settings)
    queues = Queues(aws, settings)
    # The money has to be in an account before it can go on to the next one: any other order is refused for good.
    steps = [instruction(f"step-{n}", "world" if n == 0 else f"a{n}", f"a{n + 1}") for n in range(9)]
    for index, body in enumerate(steps):
        queues.send([body], MessageGroupId="chain", MessageDeduplicationId=str(index))
        queues.send([instruction(f"b{index}", "world", "b")], MessageGroupId="other", MessageDeduplicationId=f"b{index}")
    async with listening(create_app(ledger)) as url, httpx.AsyncClient(base_url=url) as client:
        await open_accounts(client, "b", *(f"a{n}" for n in range(1, 10)))
        settings = replace(settings, port=client.base_url.port)
        calls = 0
        pay_many = ledger.pay_many

        async def fail_the_third(payments: Any) -> Any:
            nonlocal calls
            calls += 1
            ledger.errors = {0: ShardUnavailable(0, 1.0)} if calls == 3 else {}
            return await pay_many(payments)

        monkeypatch.setattr(ledger, "pay_many", fail_the_third)
        async with working(settings) as term:
            await until(lambda: queues.left(queues.instructions) == 0)
        assert await balances(client, "a9", "b") == {"a9": 1, "b": 9}
        assert term.counts.retries >= 1
    assert queues.bury() == []


async def test_a_missing_queue_is_told_and_waited_for(
    aws: EmulatedAws, settings: Settings, queues: Queues, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "WAIT_SECONDS", 1)
    gone = replace(settings, sqs_instruction_queue=f"{settings.sqs_instruction_queue}-gone")
    async with api() as client:
        await open_accounts(client, "bob")
        async with working(gone) as term:
            await until(lambda: term.problem is not None)
            assert term.state == "waiting" and gone.sqs_instruction_queue in str(term.problem)
            queues.client.create_queue(QueueName=gone.sqs_instruction_queue)
            late = Queues(aws, gone)
            late.send([instruction("late", "world", "bob")])
            await until(lambda: late.left(late.instructions) == 0)
            assert await balances(client, "bob") == {"bob": 1}
            await until(lambda: term.state == "running")


def _texts(letter: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
