"""The instance under load, and how load is put on it. It is the bench's own, in a temporary folder, and ends with it."""

import asyncio
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Mapping
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
import uvloop

from loadtests.bench.collector import collector_off
from loadtests.bench.cpu import look, shares_between
from loadtests.bench.failure import BenchFailed
from loadtests.bench.meter import Meter
from loadtests.bench.open_loop import OpenLoopResult, arrivals, run_open_loop
from loadtests.bench.options import Options
from loadtests.bench.rounds import Say
from loadtests.workload import Shape, Workload
from processor.client.accounts import open_accounts
from processor.client.address import Address
from processor.client.connection import Connection
from processor.client.load import Batch, LoadResult, run_batches, run_holds, run_single
from processor.demo.instance import OwnInstance
from processor.local.data_folder import DataFolder
from processor.settings import load_settings

SINGLES_A_SECOND_MAX = 40_000
"""More than any side reaches: so much is made beforehand. A side that used it all up would only end a little early."""

BATCHED_A_SECOND = 150_000
"""So much is made for the first load of batches of a size, and twice what was reached for later ones."""

_SCALE_SECONDS = 60
_POLL_SECONDS = 0.1
Result = TypeVar("Result", LoadResult, OpenLoopResult)


class _Shard(msgspec.Struct):
    actor: str


class _Shards(msgspec.Struct):
    data: list[_Shard]


class PaymentsInstance:
    """A whole instance, with accounts to pay between. It counts the payments acknowledged and the requests sent again.

    Whoever loads it by other means than its own methods tells it so with `count`.
    """

    def __init__(self, options: Options, say: Say, with_aws: bool = False) -> None:
        """`with_aws`: with a local AWS and all bridges."""
        self.accepted = 0
        self.retries = 0
        self._options = options
        self._say = say
        self._with_aws = with_aws
        self._seed = 0
        self._hosts = 0
        self.meter = Meter()
        self._batched_a_second: dict[int, float] = {}
        self._own: OwnInstance | None = None

    @property
    def url(self) -> str:
        """Where its API is."""
        return self._started.address.url

    @property
    def pid(self) -> int:
        """The process id of its `payments up`."""
        return self._started.pid

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment in which its own commands run."""
        return self._started.environment

    def __enter__(self) -> Self:
        self._own = OwnInstance(self._say, self._with_aws)
        try:
            uvloop.run(self._own.wait_until_ready())
            self._hosts = load_settings(self.environment, Path.cwd()).shard_hosts
            uvloop.run(open_accounts(self.url, Workload("random_accounts", self._options.accounts, 0).account_ids, "EUR", None))
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    @property
    def address(self) -> Address:
        """The same as an address."""
        return self._started.address

    def singles(self, shape: Shape, seconds: float) -> LoadResult:
        """Send payments one by one for so long. Raises BenchFailed if one is not accepted."""
        bodies = self._workload(shape).singles(round(seconds * SINGLES_A_SECOND_MAX) + 1)
        return self._counted(run_single(self.url, bodies, self._options.connections, seconds=seconds))

    def holds(self, seconds: float) -> LoadResult:
        """Hold and capture payments one by one for so long. Raises BenchFailed if one is not accepted."""
        bodies = self._workload("random_accounts").holds(round(seconds * SINGLES_A_SECOND_MAX / 2) + 1)
        return self._counted(run_holds(self.url, bodies, self._options.connections, seconds=seconds))

    def batches(self, batch_payments: int, connections: int, seconds: float) -> LoadResult:
        """Send random payments in batches for so long. Raises BenchFailed if one is not accepted."""
        expected = self._batched_a_second.get(
            batch_payments, min(BATCHED_A_SECOND / 2, SINGLES_A_SECOND_MAX * batch_payments / 2)
        )
        count = max(round(2 * expected * seconds / batch_payments), connections)
        batches = _batches(self._workload("random_accounts").singles(count * batch_payments), batch_payments)
        result = self._counted(run_batches(self.url, batches, connections, seconds=seconds))
        self._batched_a_second[batch_payments] = result.rate
        return result

    def arriving(self, rate: float, seconds: float) -> OpenLoopResult:
        """Let single payments fall due at so many a second. Raises BenchFailed if one is not accepted."""
        workload = self._workload("random_accounts")
        load = arrivals(workload.singles(round(rate * seconds) + 1), rate, Random(workload.seed))
        return self._counted(run_open_loop(self.url, load, self._options.connections))

    def count(self, result: LoadResult | OpenLoopResult) -> None:
        """Count the payments of a load that somebody else has sent, for the money audit."""
        self.accepted += result.count
        self.retries += result.retries

    def scale(self, hosts: int) -> None:
        """Have that many shard hosts, and return when they share all shards. Raises BenchFailed."""
        if hosts == self._hosts:
            return
        command = [sys.executable, "-m", "processor.cli.main", "scale", "--shard-hosts", str(hosts)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchFailed(f"`payments scale` ended with {done.returncode}: {done.stderr.strip()}")
        self._hosts = hosts
        self.wait_for_hosts()

    def wait_for_hosts(self) -> None:
        """Return when as many shard hosts as there should be share all shards evenly. Raises BenchFailed."""
        uvloop.run(self._wait_for_hosts(self._hosts))

    @property
    def _started(self) -> OwnInstance:
        if self._own is None:
            raise BenchFailed("the instance has not been started")
        return self._own

    def _workload(self, shape: Shape) -> Workload:
        # A seed of its own for each load: no key is ever sent twice.
        self._seed += 1
        return Workload(shape, self._options.accounts, self._seed)

    def _counted(self, load: Coroutine[Any, Any, Result]) -> Result:
        before = look()
        result = run_load(load)
        self.meter.note(shares_between(before, look(), result.count))
        self.count(result)
        return result

    async def _wait_for_hosts(self, hosts: int) -> None:
        give_up_at = time.monotonic() + _SCALE_SECONDS
        async with Connection(self._started.address) as connection:
            while True:
                ready = (await connection.get("/readyz")).status == 200
                rows = msgspec.json.decode((await connection.get("/v1/shards")).body, type=_Shards).data
                shares = Counter(row.actor for row in rows)
                if ready and "" not in shares and len(shares) == hosts and max(shares.values()) - min(shares.values()) <= 1:
                    return
                if time.monotonic() > give_up_at:
                    raise BenchFailed(f"{hosts} shard hosts did not share the shards within {_SCALE_SECONDS} s: {dict(shares)}")
                await asyncio.sleep(_POLL_SECONDS)

    def _stop(self) -> None:
        own = self._started
        own.stop()
        shutil.rmtree(DataFolder(Path(own.environment["PAYMENTS_DATA_FOLDER"])).ray_files, ignore_errors=True)


def _batches(payments: list[tuple[bytes, bytes]], batch_payments: int) -> list[Batch]:
    """Put single payments together to batches."""
    items = [b'{"idempotency_key":"%b",%b' % (key, body[1:]) for key, body in payments]
    parts = (items[start : start + batch_payments] for start in range(0, len(items), batch_payments))
    return [Batch(b'{"payments":[%b]}' % b",".join(part), len(part)) for part in parts]


def run_load(load: Coroutine[Any, Any, Result]) -> Result:
    """Run a load with the client's garbage collector off. Raises BenchFailed if an answer was not a success."""
    with collector_off():
        result = uvloop.run(load)
    if result.errors:
        raise BenchFailed(f"a load was answered with {result.errors} (status: count) instead of success alone")
    return result
