"""Which URLs a webhook may have. Strict: what different programs might read differently is refused."""

import re
from typing import Literal

import msgspec

from processor.bridges.webhooks.addresses import Address, parse_address

URL_CHARACTERS_MAX = 2048
_HOST_CHARACTERS_MAX = 253
_WEB_PORTS = (80, 443)
_PORT_MIN, _PORT_MAX = 1024, 65_535
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:(?P<host>[A-Za-z0-9._-]+)|\[(?P<v6>[0-9A-Fa-f:.]+)\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@/%-]*)?"
    r"(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?"
)
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


class BadUrl(Exception):
    """The URL must not be used. The message says why, and what to do."""


class Target(msgspec.Struct, frozen=True):
    """Where a URL leads. `address` is set if its host is an address and not a name."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    address: Address | None


def parse_url(url: str) -> Target:
    """Return where the URL leads. Raises BadUrl."""
    if len(url) > URL_CHARACTERS_MAX:
        raise BadUrl(f"it may have {URL_CHARACTERS_MAX} characters")
    match = _URL.fullmatch(url)
    if match is None or _BAD_ESCAPE.search(url):
        raise BadUrl("it must be https://host/path in ASCII, without a user, a password or a fragment")
    scheme: Literal["http", "https"] = "https" if match["scheme"] == "https" else "http"
    port = int(match["port"]) if match["port"] else (443 if scheme == "https" else 80)
    if port not in _WEB_PORTS and not _PORT_MIN <= port <= _PORT_MAX:
        raise BadUrl(f"its port must be 80, 443, or from {_PORT_MIN} to {_PORT_MAX}")
    if match["v6"]:
        address = parse_address(match["v6"])
        if address is None:
            raise BadUrl("its host is not an address")
        return Target(scheme, match["v6"], port, address)
    return Target(scheme, match["host"], port, _address_or_name(match["host"]))


def _address_or_name(host: str) -> Address | None:
    """Return the address, None if it is a name. Raises BadUrl, also for what some programs take for an address: 127.1, 0x7f000001."""
    address = parse_address(host)
    if address is not None:
        return address
    labels = host.split(".")
    if len(host) > _HOST_CHARACTERS_MAX or not all(map(_LABEL.fullmatch, labels)):
        raise BadUrl("its host is not a name: labels of letters, digits and hyphens with single dots between")
    if _NUMBER.fullmatch(labels[-1]):
        raise BadUrl("its host is a number: write addresses as four decimal numbers, as 198.51.100.7")
    return None
