"""Killing a process that stands for a shard host, and watching until its shards answer."""

import asyncio
import signal
import subprocess
import sys

import psutil
import pytest

from processor.client.address import parse_address
from processor.demo.outage import Outage, Victim, kill_shard_host
from processor.demo.shard_hosts import NotOurs, Shard, local_process, shards_of_busiest_host
from tests.small_ledger import Answer, Server, SmallLedger


class AwayForAWhile(SmallLedger):
    """Its accounts do not answer the first 20 reads after the host has died."""

    def __init__(self, host: subprocess.Popen[bytes]) -> None:
        super().__init__()
        self.host = host
        self.refused = 0

    def read(self, path: str) -> Answer:
        if self.refused < 20:
            self.refused += 1
            return 503, {"code": "shard_unavailable"}
        self.host.wait()
        return super().read(path)


def test_a_killed_host_is_watched_until_every_shard_answers() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as host:
        ledger = AwayForAWhile(host)
        for account in ("a", "b"):
            ledger.open_account(account, "EUR", 0)
        shards = [Shard(number, "host", host.pid, 1) for number in range(3)]
        with Server(ledger) as server:
            victim = Victim(psutil.Process(host.pid), shards)
            outage = asyncio.run(kill_shard_host(victim, parse_address(server.url), {0: "a", 1: "b"}))
        assert host.wait() == -signal.SIGKILL
    assert (outage.pid, outage.shards, set(outage.away_seconds)) == (host.pid, 3, {0, 1})
    assert ledger.refused == 20
    assert outage.over_at == outage.killed_at + max(outage.away_seconds.values())


@pytest.mark.parametrize(
    ("begin", "end", "seconds"), [(0.0, 5.0, 0.0), (0.0, 11.0, 1.0), (11.0, 12.0, 1.0), (0.0, 99.0, 2.5), (13.0, 14.0, 0.0)]
)
def test_only_the_part_of_an_outage_within_a_load_counts(begin: float, end: float, seconds: float) -> None:
    outage = Outage(killed_at=10.0, pid=1, host="h", shards=2, away_seconds={0: 1.0, 1: 2.5})
    assert outage.seconds_within(begin, end) == seconds


def test_the_host_with_the_most_shards_is_chosen_and_ownerless_shards_are_passed_over() -> None:
    shards = [
        Shard(0, "", 0, 1),
        Shard(1, "", 0, 1),
        Shard(2, "", 0, 1),
        Shard(3, "x", 11, 1),
        Shard(4, "y", 12, 1),
        Shard(5, "y", 12, 1),
    ]
    assert [shard.shard for shard in shards_of_busiest_host(shards)] == [4, 5]
    with pytest.raises(NotOurs):
        shards_of_busiest_host(shards[:3])


def test_a_process_that_has_ended_is_nobodys_shard_host() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(NotOurs, match=f"process {ended.pid}"):
        local_process(ended.pid, parse_address("http://127.0.0.1:1"))
