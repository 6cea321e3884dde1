"""Many requests on several connections at once."""

from collections.abc import Sequence

import uvloop

from processor.client.address import parse_address
from processor.client.connection import Connection
from processor.client.post import Post
from processor.client.reply import Reply
from processor.client.together import run_together
from tests.system.ledger.lives import Request


def post_all(url: str, requests: Sequence[Request], connections: int) -> list[Reply]:
    """Send the requests and return their answers in order."""
    address = parse_address(url)
    return exchange(url, [Post(address, one.path).fill(one.body, one.key.encode()) for one in requests], connections)


def get_all(url: str, paths: Sequence[str], connections: int) -> list[Reply]:
    """Read the paths and return the answers in order."""
    address = parse_address(url)
    return exchange(url, [address.head("GET", path) + b"\r\n" for path in paths], connections)


def exchange(url: str, requests: Sequence[bytes], connections: int) -> list[Reply]:
    """Send prepared requests, each until its answer is final; every connection takes its share of them."""

    async def send_every(first: int) -> list[Reply]:
        async with Connection(parse_address(url)) as connection:
            return [await connection.send(request) for request in requests[first::connections]]

    async def send_all() -> list[list[Reply]]:
        return await run_together(send_every(first) for first in range(connections))

    parts = uvloop.run(send_all())
    return [parts[index % connections][index // connections] for index in range(len(requests))]
