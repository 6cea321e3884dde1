"""Answers that are lost, others who are in the way, a table that takes no more: an append is acknowledged, refused, or unknown,
and never one for the other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from processor.journal.dynamodb import DynamoDbJournal, DynamoDbShardMap, link
from processor.journal.interface import Fenced, Head, JournalUnavailable
from tests.aws import EmulatedAws
from tests.contract.dynamodb_faults import (
    Fault,
    Faults,
    forget_token,
    leave_over,
    lose_answer,
    lose_request,
    refuse,
    while_it_waits,
)
from tests.contract.dynamodb_ledger import DynamoDbLedger
from tests.contract.writing import AT, after, head_of, read_all, take, write

pytestmark = pytest.mark.anyio

CONFLICT = refuse("TransactionCanceledException", "TransactionConflict", "None")


class Scene:
    """A writer that has opened shard 0, and somebody who may take it over."""

    def __init__(
        self, ledger: DynamoDbLedger, journal: DynamoDbJournal, rival: DynamoDbJournal, shard_map: DynamoDbShardMap
    ) -> None:
        self.ledger = ledger
        self.journal = journal
        self.rival = rival
        self.shard_map = shard_map
        self.head = Head(0, 0, 0, b"")

    def meet(self, *faults: Fault, operation: str = "TransactWriteItems") -> Faults:
        """Let the writer's next requests meet these faults."""
        return Faults(self.journal._writer.client, operation, *faults)

    async def payloads(self) -> list[bytes]:
        """Return what stands after the first fence."""
        return [record.payload for record in await read_all(self.journal, 0, 1)]

    async def take_over(self) -> None:
        """Let the rival become the owner."""
        await take(self.rival, self.shard_map, 0, "rival")


@pytest.fixture
async def scene(aws: EmulatedAws, anyio_backend: str) -> AsyncIterator[Scene]:
    ledger = DynamoDbLedger(aws.settings())
    scene = Scene(ledger, await ledger.journal(), await ledger.journal(), await ledger.shard_map())
    scene.head = await take(scene.journal, scene.shard_map, 0)
    yield scene
    await ledger.close()


async def test_an_append_whose_answer_was_lost_once_is_acknowledged_and_made_once(scene: Scene) -> None:
    faults = scene.meet(lose_answer)
    await scene.journal.append([after(scene.head, b"once")])
    assert (faults.requests, await scene.payloads()) == (2, [b"once"])


async def test_an_append_whose_answer_came_too_late_for_its_token_is_acknowledged_and_made_once(scene: Scene) -> None:
    faults = scene.meet(lose_answer, forget_token)
    await scene.journal.append([after(scene.head, b"once")])
    assert (faults.requests, await scene.payloads()) == (2, [b"once"])


async def test_an_append_that_took_effect_before_the_shard_was_taken_over_is_acknowledged(scene: Scene) -> None:
    scene.meet(lose_answer, while_it_waits(scene.take_over, forget_token))
    await scene.journal.append([after(scene.head, b"in time")])
    assert (await scene.payloads())[0] == b"in time"
    with pytest.raises(Fenced):
        await scene.journal.append([after(head_of(after(scene.head, b"in time")))])


async def test_an_append_that_arrives_after_the_shard_was_taken_over_is_refused_and_leaves_nothing(scene: Scene) -> None:
    scene.meet(lose_request, while_it_waits(scene.take_over, lambda _: None))
    with pytest.raises(Fenced):
        await scene.journal.append([after(scene.head, b"too late")])
    assert b"too late" not in await scene.payloads()


async def test_an_append_of_which_no_answer_ever_comes_is_unknown_and_found_by_the_next_opening(scene: Scene) -> None:
    scene.meet(lose_answer, lose_request)
    with pytest.raises(JournalUnavailable, match="cannot be reached"):
        await scene.journal.append([after(scene.head, b"unknown")])
    opened = await scene.journal.open(0, scene.head.epoch, AT)
    assert opened.sequence == scene.head.sequence + 2
    assert (await scene.payloads())[0] == b"unknown"
    await write(scene.journal, opened, 1)


async def test_an_append_that_never_arrives_is_unknown_and_the_next_opening_goes_on_without_it(scene: Scene) -> None:
    scene.meet(lose_request, lose_request)
    with pytest.raises(JournalUnavailable):
        await scene.journal.append([after(scene.head, b"lost")])
    opened = await scene.journal.open(0, scene.head.epoch, AT)
    assert opened.sequence == scene.head.sequence + 1
    assert b"lost" not in await scene.payloads()


async def test_an_append_that_others_are_in_the_way_of_is_tried_again(scene: Scene) -> None:
    busy = refuse("TransactionCanceledException", "None", "ProvisionedThroughputExceeded")
    faults = scene.meet(CONFLICT, busy, CONFLICT)
    await scene.journal.append([after(scene.head, b"at last")])
    assert (faults.requests, await scene.payloads()) == (4, [b"at last"])


async def test_a_condition_that_fails_is_not_tried_again_though_others_are_in_the_way_too(scene: Scene) -> None:
    faults = scene.meet(refuse("TransactionCanceledException", "ConditionalCheckFailed", "TransactionConflict"))
    with pytest.raises(Fenced):
        await scene.journal.append([after(scene.head)])
    assert faults.requests == 1


async def test_patience_with_others_who_are_in_the_way_ends(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PATIENCE_SECONDS", 0.1)
    faults = scene.meet(*[CONFLICT] * 1000)
    with pytest.raises(JournalUnavailable, match=r"did not take a write for 0.1 s \(TransactionConflict\)"):
        await scene.journal.append([after(scene.head)])
    assert 2 < faults.requests < 100


async def test_a_throttled_table_is_unavailable_and_the_next_append_works(scene: Scene) -> None:
    scene.meet(*[refuse("ThrottlingException")] * scene.ledger.settings.aws_max_attempts)
    with pytest.raises(JournalUnavailable, match="is throttled"):
        await scene.journal.append([after(scene.head)])
    await scene.journal.append([after(scene.head)])


async def test_parts_that_the_table_has_left_over_are_stored_before_the_record(scene: Scene) -> None:
    faults = scene.meet(leave_over("UnprocessedItems"), leave_over("UnprocessedItems"), operation="BatchWriteItem")
    payload = bytes(range(256)) * 4096
    await scene.journal.append([after(scene.head, payload)])
    assert faults.requests == 3
    assert await scene.payloads() == [payload]


async def test_a_table_that_takes_no_parts_is_unavailable(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PATIENCE_SECONDS", 0.1)
    scene.meet(*[leave_over("UnprocessedItems")] * 1000, operation="BatchWriteItem")
    with pytest.raises(JournalUnavailable, match="throttled"):
        await scene.journal.append([after(scene.head, bytes(1_000_000))])
    assert await scene.payloads() == []


async def test_parts_that_are_read_in_several_answers_make_the_whole_frame(scene: Scene) -> None:
    payload = bytes(range(256)) * 4096
    await scene.journal.append([after(scene.head, payload)])
    Faults(scene.journal._readers.client, "BatchGetItem", leave_over("UnprocessedKeys"))
    assert await scene.payloads() == [payload]


async def test_a_cancelled_append_holds_nothing_up(scene: Scene) -> None:
    goes_on = asyncio.Event()
    scene.meet(while_it_waits(_set_and_wait(goes_on), lambda _: None))
    appending = asyncio.create_task(scene.journal.append([after(scene.head, b"late")]))
    await goes_on.wait()
    appending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await appending
    await write(scene.journal, await scene.journal.open(0, scene.head.epoch, AT), 3)
    assert len(await read_all(scene.journal, 0)) in (5, 6)


def _set_and_wait(event: asyncio.Event) -> Callable[[], Coroutine[Any, Any, None]]:
    async def work() -> None:
        event.set()
        await asyncio.sleep(0.05)

    return work


async def test_of_two_claims_with_a_lost_answer_the_one_that_was_made_is_told(scene: Scene) -> None:
    Faults(scene.shard_map._link.client, "TransactWriteItems", lose_answer)
    assert await scene.shard_map.claim(1, 0, "a") == 1
    assert await scene.shard_map.claim(1, 0, "b") is None


async def test_an_emulator_that_is_gone_is_unavailable_and_everything_works_once_it_is_back(own_aws: EmulatedAws) -> None:
    ledger = DynamoDbLedger(own_aws.settings())
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    head = await write(journal, await take(journal, shard_map, 0), 5)
    before = [record.frame() for record in await read_all(journal, 0)]
    own_aws.emulator.stop()
    calls = (
        journal.append([after(head)]), journal.head(0), journal.confirm([(0, 1)]), shard_map.view(), journal.open(0, 1, AT),
        journal.tail({0: 0}, 1000), shard_map.heartbeat("a", "actor", 1),
    )  # fmt: skip
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, JournalUnavailable)
        assert "cannot be reached" in str(outcome)
    assert not await shard_map.wait_for_change(0.1)
    own_aws.emulator.start()
    assert [record.frame() for record in await read_all(journal, 0)] == before
    await journal.append([after(head)])
    await ledger.close()
