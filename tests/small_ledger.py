"""A small real HTTP server that answers like the payments API, to try the clients against. One thread, everything in dicts."""

import socket
import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import msgspec
import uvicorn

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Answer = tuple[int, dict[str, Any]]


class SmallLedger:
    """Accounts, payments with idempotency keys, batches, holds with capture, void and refund, entries and totals.

    What is put into `faults` is used up by the next writes: `refuse` answers 503 before anything is done, `forget` does the work
    and then answers 504, `half` answers 503 for every other payment of a batch without doing it.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, Any]] = {}
        self.outcomes: dict[tuple[str, str], tuple[bytes, Answer]] = {}
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.faults: deque[str] = deque()
        self.payments = 0
        self.held: dict[str, dict[str, Any]] = {}
        self.largest_batch = 0
        self.requests: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body, more = b"", True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        status, content, headers = self.answer(scope["method"], scope["path"], dict(scope["headers"]), body)
        data = msgspec.json.encode(content)
        length = (b"content-length", str(len(data)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
        await send({"type": "http.response.body", "body": data})

    def answer(
        self, method: str, path: str, headers: dict[bytes, bytes], body: bytes
    ) -> tuple[int, dict[str, Any], list[tuple[bytes, bytes]]]:
        self.requests[f"{method} {path}"] += 1
        fault = self.faults.popleft() if self.faults and method == "POST" else ""
        if fault == "refuse":
            return 503, {"code": "overloaded", "detail": "try again"}, [(b"retry-after", b"0")]
        if method == "GET":
            return *self.read(path), []
        request = msgspec.json.decode(body)
        if path == "/v1/accounts":
            answer, replayed = self.open_account(request["id"], request["currency"], request["min_balance"]), False
        elif path == "/v1/payments":
            answer, replayed = self.pay(headers[b"idempotency-key"].decode(), request)
        elif path != "/v1/payments/batch":
            *_, payment_id, verb = path.split("/")
            answer, replayed = self.change(headers[b"idempotency-key"].decode(), payment_id, verb, request)
        else:
            answer, replayed = self._batch(request["payments"], fault, headers.get(b"prefer") == b"return=minimal"), False
        if fault == "forget":
            return 504, {"code": "outcome_unknown", "detail": "ask again"}, []
        return *answer, [(b"idempotency-replayed", b"true")] if replayed else []

    def open_account(self, account: str, currency: str, min_balance: int | None) -> Answer:
        """Open an account as POST /v1/accounts does."""
        if account in self.accounts:
            same = self.accounts[account]["currency"] == currency
            return (200, self.accounts[account]) if same else (409, {"code": "account_exists", "detail": "other terms"})
        place = {"shard": len(self.accounts) % 2, "sequence": 1}
        terms = {"id": account, "currency": currency, "min_balance": min_balance}
        self.accounts[account] = {**terms, "posted": 0, "pending_in": 0, "pending_out": 0, "as_of": place}
        self.entries[account] = []
        return 201, self.accounts[account]

    def pay(self, key: str, payment: dict[str, Any]) -> tuple[Answer, bool]:
        scope, content = (payment["from"], key), msgspec.json.encode(payment, order="sorted")
        if scope in self.outcomes:
            before, answer = self.outcomes[scope]
            return (answer, True) if before == content else ((422, {"code": "idempotency_key_reused"}), False)
        self.payments += 1
        payment_id = f"pay_{self.payments:026d}"
        answer = self.reserve(payment_id, payment) if payment.get("mode") == "hold" else self.move(payment_id, payment)
        self.outcomes[scope] = (content, answer)
        return answer, False

    def change(self, key: str, payment_id: str, verb: str, request: dict[str, Any]) -> tuple[Answer, bool]:
        """Capture, void or refund, as the routes of these names do."""
        scope, content = (payment_id, key), verb.encode() + msgspec.json.encode(request)
        if scope in self.outcomes:
            before, answer = self.outcomes[scope]
            return (answer, True) if before == content else ((422, {"code": "idempotency_key_reused"}), False)
        payment = self.held[payment_id]
        self.release(payment)
        moved = {**payment, "amount": request.get("amount", payment["amount"])}
        if verb == "capture":
            answer = 200, self.move(payment_id, moved, verb)[1]
        elif verb == "refunds":
            answer = self.move(payment_id, {**moved, "from": payment["to"], "to": payment["from"]}, "refund")
        else:
            answer = 200, {"id": payment_id}
        self.outcomes[scope] = (content, answer)
        return answer, False

    def reserve(self, payment_id: str, payment: dict[str, Any]) -> Answer:
        """Hold the money back."""
        giver, taker = self.accounts[payment["from"]], self.accounts[payment["to"]]
        if giver["min_balance"] is not None and giver["posted"] - giver["pending_out"] - payment["amount"] < giver["min_balance"]:
            return 422, {"code": "insufficient_funds", "detail": "not enough", "payment_id": payment_id}
        giver["pending_out"] += payment["amount"]
        taker["pending_in"] += payment["amount"]
        self.held[payment_id] = {**payment, "mode": "held"}
        return 201, {"id": payment_id, **payment}

    def release(self, payment: dict[str, Any]) -> None:
        """Give back what is held, once."""
        if payment["mode"] == "held":
            payment["mode"] = "released"
            self.accounts[payment["from"]]["pending_out"] -= payment["amount"]
            self.accounts[payment["to"]]["pending_in"] -= payment["amount"]

    def move(self, payment_id: str, payment: dict[str, Any], kind: str = "payment") -> Answer:
        giver, taker = self.accounts.get(payment["from"]), self.accounts.get(payment["to"])
        amount = int(payment["amount"])
        if giver is None or taker is None:
            return 422, {"code": "account_not_found", "detail": "no such account", "payment_id": payment_id}
        if giver["min_balance"] is not None and giver["posted"] - giver["pending_out"] - amount < giver["min_balance"]:
            return 422, {"code": "insufficient_funds", "detail": "not enough", "payment_id": payment_id}
        for account, change, direction in ((giver, -amount, "debit"), (taker, amount, "credit")):
            account["posted"] += change
            entry = {"payment_id": payment_id, "kind": kind, "direction": direction, "amount": amount}
            entry["posted_after"] = account["posted"]
            self.entries[account["id"]].append({**entry, "at": "2026-01-01T00:00:00.000000Z", "sequence": 1})
        return 201, {"id": payment_id, **payment}

    def _batch(self, payments: list[dict[str, Any]], fault: str, minimal: bool) -> Answer:
        self.largest_batch = max(self.largest_batch, len(payments))
        results = []
        for index, payment in enumerate(payments):
            if fault == "half" and index % 2:
                results.append({"status": 503, "problem": {"code": "shard_unavailable", "detail": "moving"}})
                continue
            key = payment.pop("idempotency_key")
            (status, content), replayed = self.pay(key, payment)
            if status != 201:
                results.append({"status": status, "problem": content})
            elif minimal:
                results.append({"status": 201, **({"replayed": True} if replayed else {}), "id": content["id"]})
            else:
                results.append({"status": 201, "replayed": replayed, "payment": content})
        return 200, {"results": results}

    def read(self, path: str) -> Answer:
        """Answer a GET."""
        parts = path.strip("/").split("/")
        if path in ("/healthz", "/readyz"):
            return 200, {}
        if path == "/v1/ledger/totals":
            sums: Counter[str] = Counter()
            for account in self.accounts.values():
                sums[account["currency"]] += account["posted"]
            return 200, {
                "currencies": {code: {"posted": sums[code], "in_transit": 0, "accounts": 1} for code in sums},
                "as_of": [],
            }
        if path == "/v1/shards":
            return 200, {"data": [{"shard": shard, "host": "", "pid": 0, "epoch": 1} for shard in range(2)]}
        if len(parts) >= 3 and parts[2] in self.accounts:
            if parts[-1] == "entries":
                return 200, {"data": self.entries[parts[2]][::-1], "has_more": False, "next_cursor": None}
            return 200, self.accounts[parts[2]]
        return 404, {"code": "route_not_found", "detail": "no such route"}


class Server:
    """Runs an ASGI application on a free loopback port in a thread of this process."""

    def __init__(self, application: SmallLedger, port: int = 0) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        started = threading.Event()

        class Announcing(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                started.set()

        self._server = Announcing(uvicorn.Config(application, lifespan="off", access_log=False, log_level="error"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        if not started.wait(30):
            raise RuntimeError("the small ledger's server did not start")

    def stop(self) -> None:
        """End the server and every connection to it."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(30)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
