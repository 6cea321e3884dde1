"""The DynamoDB table of payments: what is found in it, and that no repeat, no late batch and no second writer ever puts it back."""

import asyncio
import itertools
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from processor.bridges.dynamodb import DynamoDbSink
from processor.bridges.dynamodb.items import StoredPayment, version_of
from processor.bridges.dynamodb.table import TransactionsTable
from processor.bridges.sink import SinkUnavailable
from processor.eventlog.event import AboutPayment, PaymentData, PublishedEvent
from processor.settings import Settings
from tests.aws import EmulatedAws
from tests.aws_faults import Answer, Call, after, before
from tests.published import START, leg, payment_event
from tests.unit.eventlog.stories import last_payments, published, told_story

pytestmark = pytest.mark.anyio
DAY = 24 * 3600 * 1_000_000


@pytest.fixture
def settings(aws: EmulatedAws) -> Settings:
    """Settings with tables of their own; nothing is ever removed."""
    return aws.created(dynamodb_transactions_days=0)


async def write(settings: Settings, *batches: list[PublishedEvent]) -> None:
    """Carry the batches over, one after another."""
    sink = DynamoDbSink(settings)
    await sink.open()
    for batch in batches:
        assert await sink.publish(batch) == []
    await sink.close()


def payment(event: PublishedEvent) -> PaymentData:
    """The payment as the event tells it."""
    assert isinstance(event.data, AboutPayment)
    return event.data.payment


def newest(events: list[PublishedEvent]) -> dict[str, StoredPayment]:
    """What the table must hold after these events, whatever their order."""
    stored: dict[str, StoredPayment] = {}
    for event in sorted(events, key=lambda event: (event.sequence, event.index)):
        stored[payment(event).id] = StoredPayment(payment(event), version_of(event), event.at, None)
    return stored


def life(shard: int, number: int) -> list[PublishedEvent]:
    """A hold, what is captured of it, and a refund: three states of one payment."""
    legs = [leg(f"from-{number % 5}", f"to-{number % 3}", 100 + number)]
    amount = legs[0].amount
    held = payment_event(shard, 10 + number, 0, legs, "held", "hold", mode="hold", held=amount, at=START + number)
    captured = payment_event(
        shard, 2_000 + number, 1, legs, "succeeded", "capture", of=held, mode="hold", captured=amount, at=START + DAY + number
    )
    refunded = payment_event(
        shard, 30_000 + number, 2, legs, "partially_refunded", "refund", of=held, mode="hold", captured=amount, refunded=1,
        at=START + 2 * DAY + number,
    )  # fmt: skip
    return [held, captured, refunded]


async def test_a_payment_comes_back_as_it_was_published(settings: Settings) -> None:
    events = [
        payment_event(3, 1, 0, [leg("alice", "bob", 2**63 - 1)], captured=2**63 - 1, reference="Rechnung 7 ü",
                      metadata={"order": "7", "note": ""}),
        payment_event(3, 1, 1, [leg("alice", "bob")], "held", "hold", mode="hold", held=100, expires_at=START + DAY),
        payment_event(3, 1, 2, [leg("a", "b", 1, "EUR"), leg("c", "d", 2, "USD")], amount=None, currency=None, held=None,
                      captured=None, refunded=None, reference=""),
    ]  # fmt: skip
    await write(settings, events)
    table = TransactionsTable(settings)
    for event in events:
        expected = msgspec.structs.replace(payment(event), reference=payment(event).reference or None)
        assert table.payment(payment(event).id) == StoredPayment(expected, version_of(event), event.at, None)
    assert table.payment("pay_0") is None


async def test_payments_are_found_by_account_and_time_and_by_reference(settings: Settings) -> None:
    events = [
        payment_event(0, 1, n, [leg(*(("alice", "bob"), ("bob", "alice"), ("carol", "bob"))[n % 3])], at=START + n, reference=f"r{n % 2}")
        for n in range(30)
    ]  # fmt: skip
    several = payment_event(1, 1, 0, [leg("alice", "bob"), leg("alice", "carol"), leg("dave", "alice")], at=START + 100)
    await write(settings, [*events, several])
    table = TransactionsTable(settings)
    of_alice = [payment(several).id, *(payment(events[n]).id for n in reversed(range(30)) if n % 3 != 2)]
    assert [stored.payment.id for stored in table.of_account("alice")] == of_alice
    assert [stored.payment.id for stored in islice(table.of_account("alice"), 3)] == of_alice[:3]
    window = [stored.payment.created_at - START for stored in table.of_account("alice", START + 3, START + 9)]
    assert window == [9, 7, 6, 4, 3]
    assert [stored.payment.id for stored in islice(table.of_account("carol"), 2)] == [payment(several).id, payment(events[29]).id]
    assert [stored.payment for stored in table.of_account("dave")] == [payment(several)]
    assert [stored.payment.created_at - START for stored in table.with_reference("r1")] == list(range(29, 0, -2))
    assert len(list(table.all())) == 31


async def test_late_repeated_and_reordered_batches_never_put_a_payment_back(settings: Settings) -> None:
    events = [event for number in range(40) for event in life(number % 4, number)]
    shuffled = random.Random(5).sample(events, len(events))
    cuts = [shuffled[start : start + 17] for start in range(0, len(shuffled), 17)]
    await write(settings, *cuts, *reversed(cuts), events[:40])
    assert {stored.payment.id: stored for stored in TransactionsTable(settings).all()} == newest(events)


async def test_a_payment_that_has_left_the_table_comes_back_with_its_next_event(settings: Settings) -> None:
    _, _, refunded = life(0, 1)
    await write(settings, [refunded])
    assert {stored.payment.id: stored for stored in TransactionsTable(settings).all()} == newest([refunded])


async def test_two_writers_that_race_leave_the_newest_state(settings: Settings) -> None:
    events = [event for number in range(60) for event in life(number % 4, number)]
    by_age = [events[age::3] for age in range(3)]
    ahead = [batch[start : start + 20] for batch in by_age for start in range(0, 60, 20)]
    behind = [ahead[0], *ahead, *ahead[:4]]
    await asyncio.gather(write(settings, *ahead), write(settings, *behind), write(settings, *reversed(ahead)))
    assert {stored.payment.id: stored for stored in TransactionsTable(settings).all()} == newest(events)


async def test_payments_leave_after_their_last_event_and_expired_ones_are_not_written(aws: EmulatedAws) -> None:
    settings = aws.created(dynamodb_transactions_days=30)
    now = 4_000_000_000_000_000  # Far in the future, so that nothing has expired yet.
    new = payment_event(0, 1, 0, [leg("a", "b"), leg("a", "c")], at=now)
    refunded = payment_event(0, 9, 0, [leg("a", "b")], "refunded", "refund", of=new, at=now + DAY)
    gone = payment_event(0, 1, 1, [leg("a", "b")], at=START - 400 * DAY)
    await write(settings, [new, gone], [refunded], [new])
    table, client = TransactionsTable(settings), aws.client("dynamodb")
    items = client.scan(TableName=settings.dynamodb_transactions_table)["Items"]
    assert {item["payment_id"]["S"] for item in items} == {payment(new).id, f"{payment(new).id}#1"}
    remove_at = (now + 31 * DAY) // 1_000_000
    assert {item["remove_at_seconds"]["N"] for item in items} == {str(remove_at)}
    assert [stored.remove_at_seconds for stored in table.all()] == [remove_at]
    await write(msgspec.structs.replace(settings, dynamodb_transactions_days=0), [
        payment_event(0, 10, 0, [leg("a", "b")], "refunded", "refund", of=new, at=now + 2 * DAY)
    ])  # fmt: skip
    assert [stored.remove_at_seconds for stored in table.all()] == [None]


async def test_the_table_is_every_payment_of_the_journal_as_it_stands(settings: Settings) -> None:
    events = await published(await told_story())
    assert {event.type for event in events} >= {"payment.refused", "payment.cancelled", "account.opened", "balances.changed"}
    await write(settings, events[:20], events[20:])
    stored = {stored.payment.id: stored.payment for stored in TransactionsTable(settings).all()}
    assert stored == last_payments(events)


async def test_a_throttled_table_delays_loses_nothing_and_puts_nothing_back(settings: Settings) -> None:
    events = [event for number in range(30) for event in life(0, number)]
    batches, failures = [events[0::3], events[1::3], events[2::3], events[0::3], events[1::3]], 0
    with throttled(every=7) as refused:
        sink = DynamoDbSink(settings)
        await sink.open()
        while batches:
            try:
                await sink.publish(batches[0])
                del batches[0]
            except SinkUnavailable as error:
                assert "throttled" in str(error)
                failures += 1
                assert failures < 30, "each attempt gets further than the one before"
                await sink.open()
        await sink.close()
    assert failures > 0 and len(refused) > failures
    assert {stored.payment.id: stored for stored in TransactionsTable(settings).all()} == newest(events)


@pytest.mark.parametrize("trouble", ["missing", "unreachable", "no index"])
async def test_a_table_that_cannot_be_used_is_named_with_what_to_do(aws: EmulatedAws, trouble: str) -> None:
    settings = aws.settings() if trouble != "unreachable" else aws.settings(aws_endpoint_url="http://127.0.0.1:1")
    name = settings.dynamodb_transactions_table
    if trouble == "no index":
        aws.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "payment_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "payment_id", "AttributeType": "S"}],
        )
    sink = DynamoDbSink(settings)
    words = {"missing": "does not exist", "unreachable": "cannot be reached", "no index": "lacks the index by_from_account"}
    with pytest.raises(SinkUnavailable, match=f"{name}.*{words[trouble]}"):
        await sink.open()
    await sink.close()


async def test_what_no_item_can_hold_is_rejected_and_holds_up_nothing(settings: Settings) -> None:
    large = payment_event(0, 1, 0, [leg("a", "b")], metadata={"all": "x" * 410_000})
    small = payment_event(0, 1, 1, [leg("a", "b")])
    sink = DynamoDbSink(settings)
    await sink.open()
    [rejection] = await sink.publish([large, small])
    await sink.close()
    assert rejection.event == large and "size" in rejection.reason
    assert [stored.payment for stored in TransactionsTable(settings).all()] == [payment(small)]


@contextmanager
def throttled(every: int) -> Iterator[list[str]]:
    """Refuse one in so many statements, and one in three calls with a single item; gives the list of what was refused."""
    refused: list[str] = []
    statements, calls = itertools.count(1), itertools.count(1)
    dropped: dict[int, list[int]] = {}

    def drop(_: Any, params: Call) -> Answer | None:
        body = msgspec.json.decode(params["body"])
        places = [place for place, each in enumerate(body["Statements"]) if next(statements) % every == 0]
        kept = [each for place, each in enumerate(body["Statements"]) if place not in places]
        params["body"] = msgspec.json.encode({"Statements": kept})
        dropped[threading.get_ident()] = places
        return None if kept else {"Responses": []}

    def tell(answer: Answer) -> None:
        for place in dropped.pop(threading.get_ident()):
            refused.append("statement")
            answer["Responses"].insert(place, {"Error": {"Code": "ThrottlingError", "Message": "too many requests"}})

    def refuse(model: Any, _: Call) -> None:
        if next(calls) % 3 == 0:
            refused.append("item")
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slower"}}, model.name)

    with before("dynamodb", "BatchExecuteStatement", drop), after("dynamodb", "BatchExecuteStatement", tell):
        with before("dynamodb", "PutItem", refuse):
            yield refused
