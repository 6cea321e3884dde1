"""Senders that die, or that are two: every event arrives, at least once and always under the same id."""

import asyncio
from collections import Counter

import httpx
import pytest

from processor.bridges.webhooks.delivery_table import DeliveryTable
from processor.journal.interface import JournalUnavailable
from tests.unit.serve.webhook_bench import Bench
from tests.webhook_receiver import HANG, Receiver

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bench(database_url: str, projected_api: httpx.AsyncClient) -> Bench:
    return Bench(database_url, projected_api)


async def test_a_sender_that_dies_before_it_has_noted_an_answer_sends_again_under_the_same_id(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Receiver() as receiver:
        webhook = await bench.register(receiver.url)

        async def dies(*_: object) -> None:
            raise JournalUnavailable("the connection was lost")

        with monkeypatch.context() as patch:
            patch.setattr(DeliveryTable, "note", dies)
            async with bench.sending():
                await bench.pay()
                await receiver.wait_for(1)
        assert (await bench.deliveries(webhook))[0]["status"] == "pending"
        await bench.hurry()  # the claim of the dead one is over
        async with bench.sending():
            delivery = await bench.until(webhook, status="delivered", attempts=1)
        assert [one.id for one in receiver.received] == [delivery["id"]] * 2
        assert receiver.received[0].body == receiver.received[1].body


async def test_a_sender_that_dies_while_a_receiver_thinks_leaves_the_event_to_the_next(bench: Bench) -> None:
    async with Receiver(HANG) as receiver:
        webhook = await bench.register(receiver.url)
        async with bench.sending() as tasks:
            await bench.pay()
            await receiver.wait_for(1)
            for task in tasks:
                task.cancel()
        await bench.hurry()
        async with bench.sending():
            delivery = await bench.until(webhook, status="delivered")
        assert [one.id for one in receiver.received] == [delivery["id"]] * 2


async def test_two_senders_at_once_share_the_work_and_repeat_nothing(bench: Bench) -> None:
    async with Receiver() as receiver:
        webhook = await bench.register(receiver.url, types=["payment.*"])
        async with bench.sending(copies=1):
            payments = {await bench.pay(amount) for amount in range(1, 41)}
            await receiver.wait_for(40)
        await bench.api.post(f"/v1/webhooks/{webhook['id']}/deliveries/redeliver", json={"since": "2026-01-01T00:00:00Z"})
        receiver.received.clear()
        async with bench.sending(copies=2):
            await receiver.wait_for(len(payments))
            while len(await bench.deliveries(webhook, "?status=delivered&limit=100")) < len(payments):
                await asyncio.sleep(0.02)
        assert {one.event["subject"] for one in receiver.received} >= payments
        assert max(Counter(one.id for one in receiver.received).values()) == 1


async def test_an_older_copy_cannot_queue_what_it_has_read(bench: Bench) -> None:
    async with Receiver() as receiver:
        webhook = await bench.register(receiver.url, types=["payment.*"])
        async with bench.sending() as older, bench.sending():
            payments = [await bench.pay() for _ in range(10)]
            while len(await bench.deliveries(webhook, "?status=delivered&limit=100")) < len(payments):
                await asyncio.sleep(0.02)
            (ended,) = older
            while not ended.done():
                await asyncio.sleep(0.02)
            assert type(ended.exception()).__name__ == "Replaced"
        assert sorted(one.event["subject"] for one in receiver.received) == sorted(payments)


async def test_no_event_is_left_out_while_senders_come_and_go_and_the_database_drops_connections(bench: Bench) -> None:
    async with Receiver(*[200, 503, 200] * 20) as receiver:
        webhook = await bench.register(receiver.url, types=["payment.*"])
        payments: list[str] = []
        for _ in range(4):
            async with bench.sending() as tasks:
                payments += [await bench.pay() for _ in range(5)]
                await bench.run(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%webhook_deliveries%'"
                    " AND datname = current_database() AND pid <> pg_backend_pid()"
                )
                payments += [await bench.pay() for _ in range(5)]
                for task in tasks:
                    task.cancel()
            await bench.hurry()
        async with bench.sending():
            while len(await bench.deliveries(webhook, "?status=delivered&limit=100")) < len(payments):
                await bench.hurry()
                await asyncio.sleep(0.1)
        ids: dict[str, set[str]] = {}
        for one in receiver.received:
            ids.setdefault(one.event["subject"], set()).add(one.id)
        assert ids.keys() == set(payments)
        assert all(len(names) == 1 for names in ids.values())


async def test_the_log_is_kept_for_a_week_and_a_deleted_webhooks_goes_at_once(bench: Bench) -> None:
    async with Receiver() as receiver:
        old, new, gone = [await bench.register(receiver.url + f"/{name}") for name in ("old", "new", "gone")]
        async with bench.sending():
            await bench.pay()
            for webhook in (old, new, gone):
                await bench.until(webhook, status="delivered")
        number = await bench.run("SELECT number FROM payments.webhook_endpoints WHERE id = $1", old["id"])
        await bench.run(
            "UPDATE payments.webhook_deliveries SET at = at - 8 * 86400000000, finished_at = finished_at - interval '8 days'"
            " WHERE endpoint = $1", number,
        )  # fmt: skip
        await bench.api.delete(f"/v1/webhooks/{gone['id']}")
        await bench.run(
            "UPDATE payments.webhook_endpoints SET changed_at = now() - interval '2 minutes' WHERE status = 'deleted'"
        )
        async with bench.sending():
            while await bench.run("SELECT count(*) FROM payments.webhook_deliveries") > 1:
                await asyncio.sleep(0.02)
            while await bench.run("SELECT count(*) FROM payments.webhook_endpoints") > 2:
                await asyncio.sleep(0.02)
        assert len(await bench.deliveries(new)) == 1
        assert await bench.deliveries(old) == []


async def test_too_much_that_waits_disables_the_endpoint_and_what_waits_too_long_has_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processor.bridges.webhooks.upkeep.WAITING_MAX", 3)
    async with Receiver(*[503] * 100) as receiver, bench.sending():
        webhook = await bench.register(receiver.url, types=["payment.*"])
        path = f"/v1/webhooks/{webhook['id']}"
        await bench.pay()
        await bench.tried(webhook, 1)
        await bench.run("UPDATE payments.webhook_deliveries SET queued_at = now() - interval '2 days'")
        await bench.run("UPDATE payments.webhook_endpoints SET changed_at = now() - interval '2 days'")
        delivery = await bench.until(webhook, status="failed")
        assert delivery["log"][-1]["error"] == "it was not taken in time"
        for _ in range(4):
            await bench.pay()
        while (found := (await bench.api.get(path)).json())["status"] != "disabled":
            await asyncio.sleep(0.02)
        assert "were waiting" in found["disabled_reason"]
