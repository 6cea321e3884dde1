"""Sends one message to one URL, once."""

import re
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Self

import aiohttp
import msgspec
from yarl import URL

from processor.bridges.webhooks.gate import CheckedResolver, Gate, Refused
from processor.bridges.webhooks.signature import signed_headers
from processor.bridges.webhooks.url import BadUrl, parse_url

GONE = 410
TOO_MANY = 429
ERROR_CHARACTERS_MAX = 200
_ANSWER_BYTES_MAX = 4 * 1024
_CONNECTIONS_MAX = 1_000
_NAME_SECONDS = 15
_SECONDS = re.compile(r"[0-9]{1,6}")
_FIXED_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "payments-webhooks/1",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}


class Attempt(msgspec.Struct, frozen=True):
    """What came of sending once. `status`: the HTTP status, None without an answer; `error` says why it was not taken, empty if it was."""

    at_seconds: float
    milliseconds: int
    status: int | None
    error: str
    retry_after_seconds: float | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has said that it has the message."""
        return not self.error

    @property
    def receiver_is_well(self) -> bool:
        """Whether it answers, and does not say that it is in trouble or asked too much."""
        return self.status is not None and self.status < 500 and self.status != TOO_MANY

    @property
    def is_gone(self) -> bool:
        """Whether the receiver has said that it wants no messages any more."""
        return self.status == GONE


class Sender:
    """Connections to receivers. They are kept open for a while, and lead only to addresses that the gate lets through."""

    def __init__(self, gate: Gate, timeout_seconds: float) -> None:
        """Use it as a context manager. `timeout_seconds`: for one message, from the lookup of the name to the answer's status."""
        self._gate = gate
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        for scheme in ("http", "https"):
            connector = aiohttp.TCPConnector(
                resolver=CheckedResolver(self._gate, scheme), limit=_CONNECTIONS_MAX, ttl_dns_cache=_NAME_SECONDS
            )
            self._sessions[scheme] = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._sessions.values():
            await session.close()

    async def send(self, url: str, secrets: tuple[bytes, ...], message_id: str, body: bytes) -> Attempt:
        """Send the message and return what came of it. Only mistakes of our own raise."""
        now, began = time.time(), time.monotonic()
        try:
            target = parse_url(url)
            if target.address is not None:  # The client asks its resolver for names alone.
                self._gate.check(target.scheme, target.address, target.host)
            headers = _FIXED_HEADERS | signed_headers(secrets, message_id, int(now), body)
            request = self._sessions[target.scheme].post(
                URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
            )
            async with request as answer:
                status, retry_after = answer.status, answer.headers.get("Retry-After", "")
                await _read_rest(answer)
        except (aiohttp.ClientError, OSError, BadUrl, TimeoutError, ValueError) as error:
            return Attempt(now, _since(began), None, _reason(error))
        return Attempt(now, _since(began), status, _refusal(status), _retry_after_seconds(retry_after, now))


async def _read_rest(answer: aiohttp.ClientResponse) -> None:
    """Read a small answer to its end, so that its connection can be used again; end the connection of any other."""
    try:
        left = _ANSWER_BYTES_MAX
        while left > 0 and (chunk := await answer.content.read(left)):
            left -= len(chunk)
    except (aiohttp.ClientError, OSError, TimeoutError):
        left = 0  # The status has been told, and it is all that counts.
    if left <= 0:
        answer.close()


def _refusal(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"the receiver answered {status}: redirects are not followed, change the webhook's URL instead"
    if status == GONE:
        return f"the receiver answered {status}: it wants no more events"
    return f"the receiver answered {status}"


def _retry_after_seconds(text: str, now: float) -> float | None:
    """Return what Retry-After asks for, in seconds or until a date; None if it is neither."""
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _reason(error: Exception) -> str:
    """Return why no answer came, without what the other side has sent."""
    cause: BaseException = error
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
    match cause:
        case TimeoutError():
            return "no answer in time"
        case BadUrl():
            return f"the URL must not be used: {cause}"[:ERROR_CHARACTERS_MAX]
        case Refused():
            return str(cause)[:ERROR_CHARACTERS_MAX]
        case ssl.SSLCertVerificationError():
            return f"the certificate is not valid: {cause.verify_message}"[:ERROR_CHARACTERS_MAX]
        case ssl.SSLError():
            return "the connection could not be encrypted"
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return "the answer is not HTTP"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError():
            return "the connection was closed without an answer"
        case OSError() if cause.strerror:
            return f"no connection: {cause.strerror}"[:ERROR_CHARACTERS_MAX]
    return f"no connection: {cause}"[:ERROR_CHARACTERS_MAX]


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
