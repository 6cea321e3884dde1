"""Short ways to call a running instance's API."""

from typing import Any
from uuid import uuid4

import httpx

from tests.system.ledger.payments import CURRENCY

Answer = httpx.Response


def get(url: str) -> Answer:
    """Return the answer of one request on a connection of its own."""
    return httpx.get(url, timeout=30, verify=False)


class Api(httpx.Client):
    """A client of one instance. Names get a part of their own, so that tests do not meet in one ledger."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, timeout=30, verify=False)  # plain HTTP: loading certificates takes longest
        self._run = uuid4().hex[:8]

    def name(self, name: str) -> str:
        """Return the account id, or the key, that this client uses for `name`; spaces become dashes."""
        return f"{self._run}.{name.replace(' ', '-')}"

    def open(self, name: str, **members: object) -> dict[str, Any]:
        """Open an account in EUR unless told otherwise, and return it."""
        answer = self.post("/v1/accounts", json={"id": self.name(name), "currency": CURRENCY, **members})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def fund(self, name: str, amount: int) -> None:
        """Open an account that holds this much."""
        self.open(name)
        self.open(f"{name}-world", min_balance=None)
        assert self.pay(f"fund-{name}", f"{name}-world", name, amount).status_code == 201

    def leg(self, from_name: str, to_name: str, amount: object, currency: str = CURRENCY) -> dict[str, Any]:
        """Return a leg between two of this client's accounts."""
        return {"from": self.name(from_name), "to": self.name(to_name), "amount": amount, "currency": currency}

    def pay(self, key: str, from_name: str, to_name: str, amount: object, **members: object) -> Answer:
        """Send a payment of one leg."""
        return self.submit(key, self.leg(from_name, to_name, amount) | members)

    def submit(self, key: str, body: object) -> Answer:
        """Send a payment with any body."""
        return self.post("/v1/payments", json=body, headers={"Idempotency-Key": self.name(key)})

    def hold(self, key: str, from_name: str, to_name: str, amount: int, **members: object) -> Answer:
        """Reserve money on one leg."""
        return self.pay(key, from_name, to_name, amount, mode="hold", **members)

    def change(self, key: str, payment_id: str, verb: str, **members: object) -> Answer:
        """Do something to a payment: `capture`, `void`, `refunds` or `reversal`."""
        path = f"/v1/payments/{payment_id}/{verb}"
        return self.post(path, json=members, headers={"Idempotency-Key": self.name(key)})

    def payment(self, payment_id: str) -> dict[str, Any]:
        """Read a payment that exists."""
        answer = self.get(f"/v1/payments/{payment_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def account(self, name: str, **headers: str) -> dict[str, Any]:
        """Read an account that exists."""
        answer = self.get(f"/v1/accounts/{self.name(name)}", headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def posted(self, name: str) -> int:
        """Return an account's balance."""
        return int(self.account(name)["posted"])

    def in_flight(self) -> int:
        """Return how many requests are being answered, this one not counted. Only with a single API replica."""
        lines = self.get("/metrics").text.splitlines()
        (value,) = (line.split()[-1] for line in lines if line.startswith("payments_http_requests_in_flight{"))
        return round(float(value)) - 1
