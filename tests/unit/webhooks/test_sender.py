"""Sending one message to a receiver that may behave in any way."""

import asyncio
from collections.abc import AsyncIterator
from email.utils import formatdate
from time import time

import pytest

from processor.bridges.webhooks.addresses import parse_networks
from processor.bridges.webhooks.gate import Gate
from processor.bridges.webhooks.sender import Attempt, Sender
from processor.bridges.webhooks.signature import new_secret, secret_text
from processor.settings import Settings
from tests.webhook_receiver import BREAK_OFF, HANG, HUGE, Receiver

pytestmark = pytest.mark.anyio
LOOPBACK = parse_networks(Settings(webhook_allowed_networks="127.0.0.0/8"))
SECRET = new_secret()
BODY = b'{"type":"payment.succeeded"}'


async def to_loopback(name: str) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
async def sender(anyio_backend: str) -> AsyncIterator[Sender]:
    async with Sender(Gate(LOOPBACK, to_loopback), timeout_seconds=0.5) as sender:
        yield sender


async def send(sender: Sender, url: str) -> Attempt:
    return await sender.send(url, (SECRET,), "msg_1", BODY)


async def test_a_message_arrives_signed_and_connections_are_used_again(sender: Sender) -> None:
    async with Receiver() as receiver:
        for _ in range(3):
            attempt = await send(sender, receiver.url + "?for=me&x=%20")
            assert (attempt.status, attempt.error) == (200, "")
        one = receiver.received[0]
        assert one.verify(secret_text(SECRET)) == {"type": "payment.succeeded"}
        assert (one.path, one.body, one.headers["content-type"]) == ("/hook?for=me&x=%20", BODY, "application/json")
        assert "cookie" not in one.headers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_status_of_success_means_taken(sender: Sender, status: int) -> None:
    async with Receiver(status) as receiver:
        assert (await send(sender, receiver.url)).is_taken


@pytest.mark.parametrize(
    ("status", "is_well", "is_gone"),
    [(400, True, False), (404, True, False), (410, True, True), (429, False, False), (500, False, False), (503, False, False)],
)
async def test_any_other_status_means_not_taken(sender: Sender, status: int, is_well: bool, is_gone: bool) -> None:
    async with Receiver(status) as receiver:
        attempt = await send(sender, receiver.url)
    assert (attempt.is_taken, attempt.receiver_is_well, attempt.is_gone) == (False, is_well, is_gone)
    assert f"answered {status}" in attempt.error


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(sender: Sender, status: int) -> None:
    async with Receiver() as elsewhere, Receiver((status, {"Location": elsewhere.url})) as receiver:
        attempt = await send(sender, receiver.url)
        assert "redirects are not followed" in attempt.error
        assert not elsewhere.received


@pytest.mark.parametrize(
    ("header", "seconds"), [("120", 120.0), ("0", 0.0), ("-1", None), ("1e3", None), ("soon", None), ("9" * 40, None)]
)
async def test_what_a_receiver_asks_for_is_read_if_it_makes_sense(sender: Sender, header: str, seconds: float | None) -> None:
    async with Receiver((503, {"Retry-After": header})) as receiver:
        assert (await send(sender, receiver.url)).retry_after_seconds == seconds


async def test_a_receiver_may_name_a_date(sender: Sender) -> None:
    for date, least, most in ((time() + 1000, 990, 1001), (time() - 1000, 0, 0)):
        async with Receiver((503, {"Retry-After": formatdate(date, usegmt=True)})) as receiver:
            seconds = (await send(sender, receiver.url)).retry_after_seconds
        assert seconds is not None
        assert least <= seconds <= most


async def test_a_receiver_that_does_not_answer_is_given_up(sender: Sender) -> None:
    async with Receiver(HANG) as receiver:
        attempt = await send(sender, receiver.url)
    assert (attempt.status, attempt.error, attempt.receiver_is_well) == (None, "no answer in time", False)


async def test_an_answer_without_an_end_is_broken_off_after_a_little(sender: Sender) -> None:
    async with Receiver(HUGE) as receiver:
        assert (await send(sender, receiver.url)).is_taken
        assert (await send(sender, receiver.url)).is_taken
        # What the kernel's buffers hold is more than what is read.
        assert receiver.sent_bytes < 64 * 1024 * 1024


async def test_an_answer_that_breaks_off_counts_by_its_status(sender: Sender) -> None:
    async with Receiver(BREAK_OFF) as receiver:
        assert (await send(sender, receiver.url)).is_taken


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"",
    ],
    ids=["another protocol", "endless headers", "no such status", "TLS", "nothing"],
)
async def test_what_is_no_answer_is_told_in_one_sentence_without_what_was_received(sender: Sender, answer: bytes) -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    attempt = await send(sender, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    server.close()
    assert attempt.status is None
    assert attempt.error in ("the answer is not HTTP", "the connection was closed without an answer")


async def test_nobody_there_is_told(sender: Sender) -> None:
    async with Receiver() as receiver:
        url = receiver.url
    assert "no connection" in (await send(sender, url)).error


async def test_nothing_is_sent_to_an_address_that_is_not_allowed_whatever_was_registered() -> None:
    async def rebinding(name: str) -> list[str]:
        return ["127.0.0.1"]

    async with Receiver() as receiver, Sender(Gate([], rebinding), timeout_seconds=5) as sender:
        for url in (
            f"https://rebinding.example:{receiver.port}/",
            f"http://rebinding.example:{receiver.port}/",
            f"https://127.0.0.1:{receiver.port}/",
            f"https://[::ffff:127.0.0.1]:{receiver.port}/",
            f"https://2130706433:{receiver.port}/",
        ):
            attempt = await send(sender, url)
            assert attempt.status is None
            assert "not a public address" in attempt.error or "https" in attempt.error or "must not be used" in attempt.error, url
        assert not receiver.received


async def test_a_certificate_that_nobody_has_signed_is_not_accepted(sender: Sender) -> None:
    async with Receiver() as receiver:
        attempt = await send(sender, receiver.url.replace("http://", "https://"))
    assert attempt.status is None
    assert attempt.error == "the connection could not be encrypted"


async def test_proxies_of_the_environment_are_not_used(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver() as proxy, Receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert (await send(sender, receiver.url)).is_taken
        assert not proxy.received
