"""Instructions on their way: an emulated queue, an API over a ledger in memory, and the bridge between them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from processor.bridges.instructions import Instructions
from processor.bridges.work import Term
from processor.settings import Settings
from tests.aws import EmulatedAws

WAIT_SECONDS = 60


def make_queues(aws: EmulatedAws, settings: Settings) -> None:
    """Make the two queues that the settings name, and nothing else."""
    client = aws.client("sqs")
    for name in (settings.sqs_instruction_queue, settings.sqs_instruction_dead_letter_queue):
        client.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if name.endswith(".fifo") else {})


class Queues:
    """The two queues of some settings, from outside."""

    def __init__(self, aws: EmulatedAws, settings: Settings) -> None:
        self.client = aws.client("sqs")
        self.instructions = self._url(settings.sqs_instruction_queue)
        self.dead_letters = self._url(settings.sqs_instruction_dead_letter_queue)

    def send(self, bodies: Iterable[str], **more: Any) -> None:
        """Send these instructions."""
        entries = [{"Id": str(index), "MessageBody": body, **more} for index, body in enumerate(bodies)]
        for start in range(0, len(entries), 10):
            answer = self.client.send_message_batch(QueueUrl=self.instructions, Entries=entries[start : start + 10])
            assert not answer.get("Failed")

    def left(self, url: str) -> int:
        """Return how many messages are in a queue, also those that somebody works on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        return sum(map(int, self.client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))

    def bury(self) -> list[dict[str, Any]]:
        """Take all dead letters out, and return them as boto3 gives them."""
        letters: list[dict[str, Any]] = []
        while True:
            answer = self.client.receive_message(
                QueueUrl=self.dead_letters, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"]
            )
            received = answer.get("Messages", [])
            if not received:
                return letters
            letters += received
            for message in received:
                self.client.delete_message(QueueUrl=self.dead_letters, ReceiptHandle=message["ReceiptHandle"])

    def _url(self, name: str) -> str:
        return str(self.client.get_queue_url(QueueName=name)["QueueUrl"])


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[Term]:
    """Let the bridge work inside the block. If it fails, so does the block's end."""
    term = Term(1)
    task = asyncio.create_task(Instructions(settings).run(term))
    try:
        yield term
    finally:
        task.cancel()
        results = await asyncio.gather(task, return_exceptions=True)
        if not isinstance(results[0], asyncio.CancelledError):
            raise AssertionError(results[0])


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


def instruction(key: str, source: str, target: str, amount: int = 1, **more: object) -> str:
    """Return the body of an instruction in EUR."""
    return json.dumps({"idempotency_key": key, "from": source, "to": target, "amount": amount, "currency": "EUR", **more})


async def open_accounts(client: httpx.AsyncClient, *accounts: str) -> None:
    """Open `world`, which has no lower bound, and these."""
    for account in ("world", *accounts):
        lowest = None if account == "world" else 0
        answer = await client.post("/v1/accounts", json={"id": account, "currency": "EUR", "min_balance": lowest})
        assert answer.status_code == 201


async def balances(client: httpx.AsyncClient, *accounts: str) -> dict[str, int]:
    """Return what is posted."""
    return {account: (await client.get(f"/v1/accounts/{account}")).json()["posted"] for account in accounts}
