"""The stream of events while connections break and a shard host is killed: each event once, and what they say is true."""

import threading
from typing import Any

import httpx
import msgspec

from processor.client.address import parse_address
from processor.client.events import EventReader
from tests.system.instance import Instance
from tests.system.ledger.api import Api
from tests.system.ledger.background_load import BackgroundLoad
from tests.system.ledger.books import Books
from tests.system.ledger.conftest import SHARD_HOSTS
from tests.system.ledger.hosts import host_process, owned_shards, wait_until_spread
from tests.system.ledger.waiting import wait_until

EVENTS_PER_CONNECTION = 150


class Follower:
    """Follows the events in a thread of its own; leaves now and then, and comes back with the last cursor."""

    def __init__(self, url: str, after: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.connections = 0
        self._address = parse_address(url)
        self._cursor = after
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop at the next event."""
        self._is_over.set()

    def _follow(self) -> None:
        while not self._is_over.is_set():
            self.connections += 1
            reader = EventReader(self._address, self._cursor)
            following = reader.follow()
            for number, body in enumerate(following):
                if number == EVENTS_PER_CONNECTION or self._is_over.is_set():
                    break  # This event was not taken: the cursor is the one before it.
                self.events.append(msgspec.json.decode(body))
            following.close()
            assert reader.cursor is not None
            self._cursor = reader.cursor


def test_a_stream_gives_each_event_once_while_connections_break_and_a_host_is_killed(
    ledger: Instance, books: Books, api: Api
) -> None:
    start = httpx.get(f"{ledger.url}/v1/events?after=latest").json()["next_cursor"]
    follower = Follower(ledger.url, start)
    with BackgroundLoad(books) as load:
        load.wait_for_answers(400)
        host_process(ledger, owned_shards(ledger)[0].pid).kill()
        load.wait_for_answers(400)
    wait_until_spread(ledger, SHARD_HOSTS)
    books.check()
    api.open("the last one")
    expected = [msgspec.json.decode(body) for body in EventReader(parse_address(ledger.url), start).to_the_end()]
    wait_until(lambda: len(follower.events) >= len(expected), "the follower has got everything")
    follower.stop()
    got = follower.events[: len(expected)]
    assert follower.connections > 5
    assert len({event["id"] for event in got}) == len(got), "nothing comes twice"
    for shard in {event["partitionkey"] for event in expected}:
        ids = [event["id"] for event in expected if event["partitionkey"] == shard]
        assert [event["id"] for event in got if event["partitionkey"] == shard] == ids, (
            "in the shard's order, and nothing is missing"
        )
    told = {each["account"]: each for event in got for each in event["data"].get("balances", ())}
    for account in books.shards:
        stands = httpx.get(f"{ledger.url}/v1/accounts/{account}").json()
        assert {name: told[account][name] for name in ("posted", "pending_in", "pending_out", "available")} == {
            name: stands[name] for name in ("posted", "pending_in", "pending_out", "available")
        }
