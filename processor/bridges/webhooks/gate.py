"""Decides whether a URL may be connected to, and looks its host's name up: once, and only what was checked is then connected to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

from processor.bridges.webhooks.addresses import Address, Network, is_in, is_public, parse_address
from processor.bridges.webhooks.url import BadUrl, Target, parse_url

Lookup = Callable[[str], Awaitable[list[str]]]
"""Returns all addresses of a name. Raises OSError."""

LOOKUP_SECONDS_MAX = 5.0
# A lookup cannot be ended, so those of dead name servers fill threads. They must not be the ones that others wait for.
_LOOKUP_THREADS = 64


class Refused(OSError):
    """The address must not be connected to. The message says why."""


class NameLookup:
    """The system's own lookup, in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="webhook-lookup")

    async def __call__(self, name: str) -> list[str]:
        """Return the addresses. Raises OSError."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LOOKUP_SECONDS_MAX):
                found = await loop.run_in_executor(self._threads, lambda: socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
        except TimeoutError:
            raise OSError(f"the name {name} could not be looked up within {LOOKUP_SECONDS_MAX:.0f} s") from None
        except socket.gaierror as error:
            raise OSError(f"the name {name} could not be looked up: {error.strerror}") from error
        except UnicodeError:
            raise OSError(f"the name {name} cannot be looked up") from None
        return list(dict.fromkeys(str(info[4][0]) for info in found))

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Gate:
    """The rule for one program: public addresses by https, and what is in the allowed networks, also by http."""

    def __init__(self, allowed: Sequence[Network], lookup: Lookup) -> None:
        """`allowed`: private networks that may be sent to all the same."""
        self._allowed = allowed
        self._lookup = lookup

    def check(self, scheme: str, address: Address | None, shown: str) -> None:
        """Raise Refused unless this address may be connected to by this scheme."""
        if address is None:
            raise Refused(f"{shown} is not an address that can be used")
        if is_in(address, self._allowed):
            return
        if scheme != "https":
            raise Refused(f"{shown} must be reached by https")
        if not is_public(address):
            raise Refused(f"{shown} is not a public address; the setting webhook_allowed_networks can allow it")

    async def addresses(self, scheme: str, name: str) -> list[str]:
        """Return the addresses of a name if all of them may be connected to. Raises OSError, and Refused if one may not."""
        found = await self._lookup(name)
        if not found:
            raise OSError(f"the name {name} has no address")
        for text in found:
            self.check(scheme, parse_address(text), f"{name} ({text})")
        return found

    async def check_url(self, url: str) -> Target:
        """Return where the URL leads, before it is used for the first time. Raises BadUrl.

        That a name cannot be looked up now is no reason to refuse it, as it may be by the time that it is needed.
        """
        target = parse_url(url)
        try:
            if target.address is not None:
                self.check(target.scheme, target.address, target.host)
            else:
                await self.addresses(target.scheme, target.host)
        except Refused as error:
            raise BadUrl(str(error)) from error
        except OSError as error:
            if target.scheme != "https":
                raise BadUrl(f"http is for allowed networks alone, and {error}") from error
        return target


class CheckedResolver(AbstractResolver):
    """What the HTTP client asks for addresses: it never learns one that may not be connected to."""

    def __init__(self, gate: Gate, scheme: str) -> None:
        """`scheme`: that of all URLs of the client."""
        self._gate = gate
        self._scheme = scheme

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Return the addresses of a name. Raises OSError."""
        return [
            ResolveResult(
                hostname=host,
                host=text,
                port=port,
                family=socket.AF_INET6 if ":" in text else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for text in await self._gate.addresses(self._scheme, host)
        ]

    async def close(self) -> None:
        """Nothing is open."""
