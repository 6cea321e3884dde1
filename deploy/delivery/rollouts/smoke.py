"""Whether a ledger that has just been rolled out pays: the smallest story over HTTP that would miss none of its parts.

Its accounts are named after the commit, so a second run of the same commit finds its own payment again, and money is moved once.
"""

import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SECONDS = 15


class SmokeFailed(Exception):
    """A part of the story did not go as it must. The message says which, and what was answered."""


def check(url: str, commit: str) -> None:
    """Open accounts, pay, pay again with the same key, read, and sum everything up. Raises SmokeFailed."""
    giver, taker = f"smoke-{commit[:12]}-from", f"smoke-{commit[:12]}-to"
    _expect("the ledger is ready", _call(url, "GET", "/readyz"), {200})
    for account, minimum in ((giver, None), (taker, 0)):
        content = {"id": account, "currency": "EUR", "min_balance": minimum}
        _expect(f"account {account} is opened", _call(url, "POST", "/v1/accounts", content), {200, 201})
    payment = {"from": giver, "to": taker, "amount": 7, "currency": "EUR"}
    first = _expect("a payment succeeds", _call(url, "POST", "/v1/payments", payment, key=commit), {201})
    again = _expect("the same key gives the same answer", _call(url, "POST", "/v1/payments", payment, key=commit), {201})
    if first["id"] != again["id"]:
        raise SmokeFailed(f"the same key paid twice: {first['id']} and {again['id']}")
    balance = _expect("the balance can be read", _call(url, "GET", f"/v1/accounts/{taker}"), {200})
    if balance["posted"] != 7:
        raise SmokeFailed(f"{taker} was paid 7 once and has {balance['posted']}")
    totals = _expect("all balances can be summed up", _call(url, "GET", "/v1/ledger/totals"), {200})
    for currency, total in totals["currencies"].items():
        if total["posted"] + total["in_transit"]:
            raise SmokeFailed(f"money was made or lost: {currency} sums to {total['posted'] + total['in_transit']} and not to 0")


@contextmanager
def forwarded(service: str = "payments-api", namespace: str = "payments") -> Iterator[str]:
    """Give a local URL behind which a Service of the cluster answers."""
    command = ["kubectl", "port-forward", f"service/{service}", ":80", f"--namespace={namespace}", "--address=127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            if found is None:
                raise SmokeFailed(f"the Service {service} cannot be reached: kubectl says {line.strip()!r}")
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            process.terminate()


def _call(url: str, method: str, path: str, content: dict[str, Any] | None = None, key: str = "") -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        raise SmokeFailed(f"{method} {path} got no answer: {error}") from error


def _expect(what: str, answer: tuple[int, bytes], statuses: set[int]) -> dict[str, Any]:
    status, body = answer
    if status not in statuses:
        raise SmokeFailed(f"{what}: no, the answer was {status} {body[:300].decode(errors='replace')}")
    content: dict[str, Any] = json.loads(body or b"{}")
    return content
