"""A process that fills one shard and tells by how much it has grown: `python -m loadtests.bench.memory_probe KIND HOW COUNT FILE`.

HOW `made`: by messages, as in a running host; then the snapshot goes to FILE. `loaded`: from that snapshot.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Literal

import msgspec

from loadtests.bench.collector import collector_as_in_a_host
from loadtests.bench.traffic import account_ids, openings, payments
from processor.core.ledger import Ledger
from processor.core.messages import AnyMessage
from processor.core.shard import Shard

Kind = Literal["accounts", "keys"]
PAYING_ACCOUNTS = 1_000
TURN_MESSAGES = 1_000
_AT = 1_764_000_000_000_000

_decode = msgspec.msgpack.Decoder(list[AnyMessage]).decode


class Growth(msgspec.Struct, frozen=True):
    """By how much the process has grown. PSS counts pages that are shared with other processes in part."""

    pss_bytes: int
    rss_bytes: int


def main(kind: str, how: str, count: int, snapshot: Path) -> Growth:
    """Fill a shard and return the growth."""
    shard = Shard(0, 1)
    if how == "made":
        growth = _make(shard, kind, count)
        snapshot.write_bytes(shard.encode())
    else:
        before = _used()
        shard = _load(snapshot)
        growth = _growth(before)
    if len(shard.accounts if kind == "accounts" else shard.outcomes) != count:
        raise SystemExit(f"the shard does not hold {count} {kind}")
    return growth


def _make(shard: Shard, kind: str, count: int) -> Growth:
    ledger = Ledger(1)
    ledger.add(shard)
    # The ids and messages are made one list at a time, so that they are not in the memory that is measured.
    if kind == "keys":
        _turns(ledger, openings(account_ids(PAYING_ACCOUNTS), 1, TURN_MESSAGES))
        prepared = payments(account_ids(PAYING_ACCOUNTS), 1, count, TURN_MESSAGES, Random(1))
    else:
        prepared = _many_openings(count)
    with collector_as_in_a_host():
        before = _used()
        _turns(ledger, prepared)
        return _growth(before)


def _many_openings(count: int) -> Iterator[bytes]:
    for start in range(0, count, TURN_MESSAGES):
        yield from openings(account_ids(min(TURN_MESSAGES, count - start), start), 1, TURN_MESSAGES)


def _load(snapshot: Path) -> Shard:
    with collector_as_in_a_host():
        return Shard.decode(snapshot.read_bytes())


def _turns(ledger: Ledger, lists: Iterator[bytes]) -> None:
    for number, data in enumerate(lists):
        ledger.begin(_AT + number)
        for message in _decode(data):
            ledger.handle(message)
        ledger.seal()


def _used() -> Growth:
    """Return what the kernel says this process uses now (Linux)."""
    lines = (line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    kilobytes = {words[0]: int(words[1]) for words in lines}
    return Growth(kilobytes["Pss:"] * 1024, kilobytes["Rss:"] * 1024)


def _growth(before: Growth) -> Growth:
    now = _used()
    return Growth(now.pss_bytes - before.pss_bytes, now.rss_bytes - before.rss_bytes)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))))
