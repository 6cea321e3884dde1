"""Events reach receivers, signed, at least once, whatever the receivers do."""

import asyncio
from collections import Counter

import httpx
import pytest

from processor.core.ids import parse_payment_id
from tests.unit.serve.calls import hold, operate
from tests.unit.serve.webhook_bench import Bench
from tests.webhook_receiver import HANG, HUGE, Receiver

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bench(database_url: str, projected_api: httpx.AsyncClient) -> Bench:
    return Bench(database_url, projected_api)


async def test_a_payment_is_told_signed_and_as_the_event_log_tells_it(bench: Bench) -> None:
    async with Receiver() as receiver, bench.sending():
        webhook = await bench.register(receiver.url)
        payment = await bench.pay(700, reference="order 1", metadata={"city": "Zürich"})
        (first, *_) = await receiver.wait_for(1)
        event = first.verify(webhook["secret"])
        place = parse_payment_id(payment)
        assert place is not None
        assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "payment.succeeded", payment)
        assert event["id"] == f"{place.shard}:{place.sequence}:{place.index}"
        assert event["data"]["payment"]["metadata"] == {"city": "Zürich"}
        assert event["data"]["balances"]
        delivery = await bench.until(webhook, status="delivered")
        assert {"id": first.id, "event": event["id"], "type": event["type"]}.items() <= delivery.items()
        assert (delivery["attempts"], delivery["log"][0]["status"], delivery["log"][0]["error"]) == (1, 200, None)
        assert delivery["finished_at"] >= delivery["queued_at"]


async def test_events_of_before_are_not_sent_and_each_endpoint_gets_only_what_it_wants(bench: Bench) -> None:
    await bench.pay(1)
    async with Receiver() as receiver, bench.sending():
        everything = await bench.register(receiver.url + "/all")
        await bench.register(receiver.url + "/holds", types=["payment.held", "payment.voided"])
        await bench.register(receiver.url + "/accounts", types=["account.*"])
        await bench.register(receiver.url + "/bob", types=["payment.*"], accounts=["bob"])
        ignored = await bench.register(receiver.url + "/ignored")
        await bench.api.post(f"/v1/webhooks/{ignored['id']}", json={"status": "disabled"})
        held = (await hold(bench.api, "h", 5)).json()["id"]
        await operate(bench.api, held, "void", None)
        await bench.pay(2)
        await bench.api.post("/v1/accounts/bob/freeze")
        await bench.until(everything, type="account.frozen", status="delivered")
        received = await receiver.wait_for(9)
        told = Counter((one.path.rpartition("/")[2], one.event["type"]) for one in received)
        assert {entry: count for entry, count in told.items() if entry[1] != "balances.changed"} == {
            ("all", "payment.held"): 1, ("all", "payment.voided"): 1, ("all", "payment.succeeded"): 1, ("all", "account.frozen"): 1,
            ("holds", "payment.held"): 1, ("holds", "payment.voided"): 1,
            ("accounts", "account.frozen"): 1,
            ("bob", "payment.held"): 1, ("bob", "payment.voided"): 1,
        }  # fmt: skip


async def test_what_is_not_taken_comes_again_under_the_same_id_until_it_is(bench: Bench) -> None:
    async with Receiver(500, HANG, (302, {"Location": "http://127.0.0.1:1/"}), HUGE) as receiver, bench.sending():
        webhook = await bench.register(receiver.url)
        await bench.pay()
        for attempts, error in ((1, "answered 500"), (2, "no answer in time"), (3, "redirects are not followed")):
            delivery = await bench.tried(webhook, attempts)
            assert error in delivery["log"][attempts - 1]["error"]
            assert delivery["status"] == "delivered" or delivery["next_attempt_at"] > delivery["log"][-1]["at"]
            await bench.hurry()
        delivery = await bench.until(webhook, status="delivered")
        received = await receiver.wait_for(4)
        assert {one.id for one in received} == {delivery["id"]}
        assert len({one.body for one in received}) == 1
        assert [entry["status"] for entry in delivery["log"]] == [500, None, 302, 200]
        for one in received:
            one.verify(webhook["secret"])


async def test_an_event_that_nobody_takes_fails_in_the_end_and_can_be_sent_again(bench: Bench) -> None:
    async with Receiver(*[404] * 11) as receiver, bench.sending():
        webhook = await bench.register(receiver.url)
        await bench.pay()
        for attempts in range(1, 11):
            await bench.tried(webhook, attempts)
            await bench.hurry()
        delivery = await bench.until(webhook, status="failed", attempts=11)
        assert (len(delivery["log"]), delivery["next_attempt_at"]) == (10, None)
        assert (await bench.api.get(f"/v1/webhooks/{webhook['id']}")).json()["status"] == "enabled"
        again = await bench.api.post(f"/v1/webhooks/{webhook['id']}/deliveries/redeliver", json={"deliveries": [delivery["id"]]})
        assert again.json()["queued"] == 1
        await bench.until(webhook, status="delivered", attempts=1)
        assert len({one.id for one in receiver.received}) == 1


async def test_gone_disables_the_endpoint_and_enabled_again_it_gets_what_comes_then(bench: Bench) -> None:
    async with Receiver(410) as receiver, bench.sending():
        webhook = await bench.register(receiver.url)
        path = f"/v1/webhooks/{webhook['id']}"
        await bench.pay()
        await bench.until(webhook, status="failed", attempts=1)
        while (found := (await bench.api.get(path)).json())["status"] != "disabled":
            await asyncio.sleep(0.02)
        assert "410" in found["disabled_reason"]
        await bench.pay()  # while it is disabled
        other = await bench.register(receiver.url + "/other")
        await bench.pay()
        await bench.until(other, status="delivered")
        assert len(await bench.deliveries(webhook)) == 1
        await bench.api.post(path, json={"status": "enabled"})
        payment = await bench.pay()
        await bench.until(webhook, status="delivered")
        assert [one.event["subject"] for one in receiver.received if one.path == "/hook"][1:] == [payment]


async def test_while_a_secret_is_replaced_both_verify(bench: Bench) -> None:
    async with Receiver() as receiver:
        webhook = await bench.register(receiver.url)
        rotated = (await bench.api.post(f"/v1/webhooks/{webhook['id']}/rotate")).json()
        async with bench.sending():
            await bench.pay()
            (one,) = await receiver.wait_for(1)
            for secret in (webhook["secret"], rotated["secret"]):
                one.verify(secret)
            assert len(one.headers["webhook-signature"].split()) == 2
            await bench.run("UPDATE payments.webhook_endpoints SET previous_until = now()")
        async with bench.sending():
            await bench.pay()
            one = (await receiver.wait_for(2))[1]
            one.verify(rotated["secret"])
            assert len(one.headers["webhook-signature"].split()) == 1


async def test_a_dead_endpoint_holds_up_no_other(bench: Bench) -> None:
    async with Receiver(*[HANG] * 1000) as dead, Receiver() as alive, bench.sending():
        await bench.register(dead.url)
        webhook = await bench.register(alive.url)
        for _ in range(30):
            await bench.pay()
        await alive.wait_for(30)
        while len(await bench.deliveries(webhook, "?status=delivered&limit=100")) < 30:
            await asyncio.sleep(0.02)
        assert dead.at_once_max <= 8, "a new endpoint is not yet trusted with a full window"


async def test_a_test_event_is_sent_whatever_types_are_wanted(bench: Bench) -> None:
    async with Receiver() as receiver, bench.sending():
        webhook = await bench.register(receiver.url, types=["account.closed"])
        answer = await bench.api.post(f"/v1/webhooks/{webhook['id']}/test")
        (one,) = await receiver.wait_for(1)
        assert (one.id, one.verify(webhook["secret"])["type"]) == (answer.json()["id"], "webhook.test")
        await bench.until(webhook, status="delivered", event=None)


async def test_an_event_that_is_too_large_is_told_without_its_data(bench: Bench) -> None:
    async with Receiver() as receiver, bench.sending():
        webhook = await bench.register(receiver.url)
        payment = await bench.pay(1, metadata={f"name {number}": "ä" * 500 for number in range(50)})
        (one,) = await receiver.wait_for(1)
        assert len(one.body) < 1_000
        event = one.verify(webhook["secret"])
        assert event["type"] == "payment.succeeded"
        assert event["data"] == {"truncated": True, "payment": {"id": payment}, "link": f"/v1/payments/{payment}"}
        assert (await bench.api.get(event["data"]["link"])).json()["id"] == payment


async def test_the_past_is_sent_again_from_a_time_on_read_from_the_journal(bench: Bench) -> None:
    before = await bench.pay(1)
    payments = [await bench.pay(amount) for amount in (2, 3)]
    async with Receiver(400) as receiver, bench.sending():
        webhook = await bench.register(receiver.url, types=["payment.succeeded"])
        payments.append(await bench.pay(4))
        await bench.tried(webhook, 1)
        await bench.run("UPDATE payments.webhook_deliveries SET status = 'failed', finished_at = now()")
        made = (await bench.api.get(f"/v1/payments/{payments[0]}")).json()["created_at"]
        path = f"/v1/webhooks/{webhook['id']}"
        await bench.api.post(path + "/deliveries/redeliver", json={"since": made, "only_failed": True})
        while (await bench.api.get(path)).json()["redelivery"] is not None:
            await asyncio.sleep(0.02)
        assert len(await bench.deliveries(webhook)) == 3
        while len(await bench.deliveries(webhook, "?status=delivered")) < 2:
            await asyncio.sleep(0.02)
        await bench.hurry()
        while len(await bench.deliveries(webhook, "?status=delivered")) < 3:
            await asyncio.sleep(0.02)
        assert {one.event["subject"] for one in receiver.received} == {*payments}
        assert before not in {one.event["subject"] for one in receiver.received}
        count = len(receiver.received)
        for only_failed, more in ((True, 0), (False, 3)):
            body = {"since": made, "only_failed": only_failed}
            await bench.api.post(path + "/deliveries/redeliver", json=body)
            await receiver.wait_for(count + more)
            while (await bench.api.get(path)).json()["redelivery"] is not None:
                await asyncio.sleep(0.02)
            assert len(receiver.received) == count + more
            assert len({one.id for one in receiver.received}) == 3
        cursor = (await bench.api.get("/v1/events")).json()["next_cursor"]
        payments.append(await bench.pay(5))
        await receiver.wait_for(count + 4)
        await bench.api.post(path + "/deliveries/redeliver", json={"after": cursor})
        await receiver.wait_for(count + 5)
        assert [one.event["subject"] for one in receiver.received[count + 3 :]] == [payments[-1]] * 2


async def test_figures_tell_what_was_taken_what_was_not_and_what_waits(bench: Bench) -> None:
    async with Receiver(200, *[500] * 100) as receiver, bench.sending():
        webhook = await bench.register(receiver.url)
        await bench.pay()
        await receiver.wait_for(1)
        await bench.pay()
        counts = bench.term.counts
        while not (counts.published == 1 and counts.retries >= 1):
            await asyncio.sleep(0.02)
        while (await bench.api.get(f"/v1/webhooks/{webhook['id']}")).json()["waiting"] != 1:
            await asyncio.sleep(0.02)
        figures = (await bench.api.get("/metrics")).text
        assert 'payments_webhook_endpoints{status="enabled"} 1.0' in figures
        assert "payments_webhook_waiting 1.0" in figures
        assert (bench.term.state, counts.rejected) == ("running", 0)
        receiver.script.clear()
        await bench.hurry()
        await bench.until(webhook, status="delivered")
        while (await bench.api.get(f"/v1/webhooks/{webhook['id']}")).json()["waiting"] != 0:
            await asyncio.sleep(0.02)
        assert "payments_webhook_oldest_seconds 0.0" in (await bench.api.get("/metrics")).text
