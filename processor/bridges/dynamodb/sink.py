"""Carries payments into the DynamoDB table, in such a way that no late or repeated batch ever puts an older state over a newer one.

Of each payment in a batch only the newest state is written, in calls of twenty-five statements with an outcome each: an INSERT where
there should be no item yet, an UPDATE where there should be an older one, and the other one if that was wrong. An item is settled when
it is written, or when there is one and the UPDATE finds it no older. Whatever else goes wrong with a single statement, such as
throttling, is left to a conditional PutItem, which says the same and has its own attempts.

An account that takes part in more than about a thousand payments a second is more than one partition of an index takes: DynamoDB
throttles, the bridge falls behind and says so, and goes on as fast as it may. The ledger does not notice.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import time
from typing import TypeVar

from processor.aws.calls import AwsCalls, AwsFailed
from processor.aws.resources import transactions_table
from processor.bridges.dynamodb.items import KEY, VERSION, Item, items_of
from processor.bridges.dynamodb.shape import differences
from processor.bridges.dynamodb.statements import STATEMENTS_MAX, Outcome, Try, Verb, after, statement
from processor.bridges.sink import Rejection, SinkUnavailable, Terms
from processor.client.together import run_together
from processor.eventlog.event import PublishedEvent
from processor.settings import Settings

_IS_NEWER = f"attribute_not_exists({KEY}) OR {VERSION} < :{VERSION}"
_T = TypeVar("_T")


class DynamoDbSink:
    """Writes the table that `dynamodb_transactions_table` names."""

    terms = Terms(batch_events_max=5_000)

    def __init__(self, settings: Settings) -> None:
        self._table = transactions_table(settings)
        self._title = f"the DynamoDB table {self._table.name}"
        self._days = settings.dynamodb_transactions_days
        self._at_once = settings.aws_max_pool_connections
        self._calls = AwsCalls(settings, "dynamodb", self._at_once, validates=False)
        # (key, version) of what is known to be in the table, or a newer one in its place: when a batch fails half-way, under throttling,
        # trying it again must not begin from nothing.
        self._settled: set[tuple[str, str]] = set()

    async def open(self) -> None:
        """Check that the table is there and has its indexes. Raises SinkUnavailable."""
        try:
            await self._calls.open()
            found = await self._calls.call("describe_table", self._title, TableName=self._table.name)
        except AwsFailed as error:
            raise SinkUnavailable(str(error)) from error
        missing = differences(self._table, found["Table"])
        if missing:
            raise SinkUnavailable(f"{self._title} is not as it should be: {'; '.join(missing)}")

    async def publish(self, events: Sequence[PublishedEvent]) -> Sequence[Rejection]:
        """Write the newest state of each payment; what is too large for an item is rejected. Raises SinkUnavailable."""
        items = [item for item in items_of(events, self._days, time()) if _name(item) not in self._settled]
        left: list[Item] = []
        rejected: dict[str, Rejection] = {}

        async def write_together(some: Sequence[Item]) -> None:
            left.extend(await self._write_together(some))

        async def put(item: Item) -> None:
            rejection = await self._put(item)
            if rejection is not None:
                rejected[item.event.name] = rejection

        try:
            together = [items[start : start + STATEMENTS_MAX] for start in range(0, len(items), STATEMENTS_MAX)]
            await self._for_each(together, write_together)
            await self._for_each(left, put)
        except AwsFailed as error:
            raise SinkUnavailable(str(error)) from error
        self._settled.clear()
        return list(rejected.values())

    async def close(self) -> None:
        """Let the connections go."""
        self._calls.close()

    async def _for_each(self, arguments: Sequence[_T], call: Callable[[_T], Awaitable[None]]) -> None:
        """Call it for each, as many at a time as there are connections; the first failure ends all."""
        waiting = deque(arguments)

        async def work() -> None:
            while waiting:
                await call(waiting.popleft())

        await run_together(work() for _ in range(min(self._at_once, len(waiting))))

    async def _write_together(self, items: Sequence[Item]) -> list[Item]:
        """Write what can be written so; return the rest."""
        left: list[Item] = []
        tries = [Try(item, Verb.INSERT if item.is_new else Verb.UPDATE) for item in items]
        while tries:
            statements = [statement(self._table.name, each) for each in tries]
            answer = await self._calls.call("batch_execute_statement", self._title, Statements=statements)
            following = [after(each, told.get("Error")) for each, told in zip(tries, answer["Responses"], strict=True)]
            for each, then in zip(tries, following, strict=True):
                if then is Outcome.SETTLED:
                    self._settled.add(_name(each.item))
                elif then is Outcome.FAILED:
                    left.append(each.item)
            tries = [then for then in following if isinstance(then, Try)]
        return left

    async def _put(self, item: Item) -> Rejection | None:
        """Write an item unless the table has a newer one."""
        try:
            await self._calls.call(
                "put_item",
                self._title,
                TableName=self._table.name,
                Item=item.attributes,
                ConditionExpression=_IS_NEWER,
                ExpressionAttributeValues={f":{VERSION}": item.attributes[VERSION]},
            )
        except AwsFailed as error:
            if error.code == "ValidationException" and "size" in str(error).lower():
                return Rejection(item.event, str(error))
            if error.code != "ConditionalCheckFailedException":
                raise
        self._settled.add(_name(item))
        return None


def _name(item: Item) -> tuple[str, str]:
    return item.attributes[KEY]["S"], item.attributes[VERSION]["S"]
