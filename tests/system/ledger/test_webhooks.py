"""Webhooks of a running instance: payments over HTTP arrive signed at a receiver, also when the process that sends them is killed."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

from tests.system.events.bridges import actors
from tests.system.instance import Instance
from tests.system.ledger.api import Api
from tests.system.ledger.waiting import wait_until

Arrived = list[tuple[str, dict[str, Any]]]


@contextmanager
def receiver(secrets: list[str]) -> Iterator[tuple[str, Arrived]]:
    """Give a URL, and the ids and events that arrive there; what is not signed by one of the secrets is answered with 400."""
    arrived: Arrived = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = 200
            try:
                event = Webhook(secrets[0]).verify(body, dict(self.headers))
                arrived.append((self.headers["webhook-id"], event))
            except Exception:
                status = 400
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", arrived
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_payments_reach_a_receiver_signed_although_the_sender_is_killed(ledger: Instance, api: Api) -> None:
    api.fund("alice", 1_000)
    api.open("shop")
    secrets: list[str] = []
    with receiver(secrets) as (url, arrived):
        made = api.post("/v1/webhooks", json={"url": url, "types": ["payment.succeeded"], "accounts": [api.name("shop")]})
        assert made.status_code == 201, made.text
        webhook = made.json()
        secrets.append(webhook["secret"])
        path = f"/v1/webhooks/{webhook['id']}"
        payments = [api.pay("first", "alice", "shop", 1).json()["id"]]
        wait_until(lambda: arrived, "the first event")
        assert (arrived[0][1]["subject"], arrived[0][1]["data"]["payment"]["amount"]) == (payments[0], 1)

        for number in range(40):
            payments.append(api.pay(f"more {number}", "alice", "shop", 2).json()["id"])
            if number == 20:
                (sender,) = actors(ledger).values()
                sender.kill()
        wait_until(lambda: {event["subject"] for _, event in arrived} >= set(payments), "all events")
        assert {event["subject"] for _, event in arrived} == set(payments)
        ids = {identity: event["subject"] for identity, event in arrived}
        assert Counter(ids.values()) == Counter(payments), "a repeat comes under the same id"

        def delivered() -> bool:
            log = api.get(path + "/deliveries?limit=100").json()["data"]
            return len(log) == len(payments) and all(entry["status"] == "delivered" for entry in log)

        wait_until(delivered, "the log to say so")
        listed = ledger.run("webhooks", "list")
        assert webhook["id"] in listed.stdout, listed.stderr
        again = ledger.run("webhooks", "redeliver", webhook["id"], arrived[0][0])
        assert again.stdout == "1 of 1 are being sent again.\n", again.stderr
        wait_until(lambda: [identity for identity, _ in arrived].count(arrived[0][0]) >= 2, "the first event again")
        shown = ledger.run("webhooks", "deliveries", webhook["id"], "--limit", "1")
        assert "delivered" in shown.stdout, shown.stderr
        assert api.delete(path).status_code == 204
