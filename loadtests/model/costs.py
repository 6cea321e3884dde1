"""What one payment costs, as `payments bench` has measured it."""

from pathlib import Path
from typing import Literal

import msgspec


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Processor time in microseconds of one core, sizes in bytes.

    For each payment: `api_microseconds` in the API replica, for the kind of requests that `requests` names; `host_microseconds`,
    `database_microseconds` and `journal_bytes` in the host, in PostgreSQL and in the journal, if all its accounts are on one
    host; the three with `travel` what is added by a payment between two hosts. For each turn of a host, whatever is in it:
    `turn_microseconds` in the host and `append_microseconds` in PostgreSQL. `disk_megabytes_a_second`: what one writer can
    append to the journal. PostgreSQL's share includes what the projections and the auditor ask of it.
    """

    requests: str
    api_microseconds: float
    host_microseconds: float
    turn_microseconds: float
    database_microseconds: float
    append_microseconds: float
    journal_bytes: float
    travel_microseconds: float
    database_travel_microseconds: float
    journal_travel_bytes: float
    disk_megabytes_a_second: float


class Measured(msgspec.Struct, frozen=True):
    """The costs in a report, and how far measurements of less than the whole would have predicted it.

    Two hosts on the cores of one machine make `predicted` of one host's payments by the costs of hosts that live in one process
    (layer `host`), and made `measured` of them as real processes (layer `http_two_hosts`), where the report has it.
    """

    costs: Costs
    predicted: float | None = None
    measured: float | None = None


class BadReport(ValueError):
    """The file is not a report of `payments bench --json` that has what the model needs. The message is one line."""


class _Figure(msgspec.Struct):
    layer: str
    name: str
    unit: str
    median: float
    limit: float | None = None


class _Cpu(msgspec.Struct):
    cores: dict[str, float]
    payments: int
    seconds: float


class _Report(msgspec.Struct):
    figures: list[_Figure]
    cpu: dict[str, _Cpu] = {}


Requests = Literal["single", "batch"]
SMALL, USUAL, LARGE = "calls of 64 payments", "calls of 1,000 payments", "calls of 10,000 payments"
PAIR = "two hosts, half of the payments travel, calls of 1,000"
SINGLE = "single payments, random accounts"
ONE_HOST, TWO_HOSTS = "batches of 1,000, one host", "batches of 1,000, two hosts"
_TRAVELLING = 0.5
_API_CODECS = (
    "JSON of a batch to messages: decoded, checked, fingerprinted",
    "messages to hosts, encoded",
    "answers of hosts, decoded",
)


def read_costs(path: Path, requests: Requests) -> Measured:
    """Return the costs in a report with the layers `host`, `http_single` for single payments, `codec` for batches. Raises BadReport.

    What its layer `http_two_hosts` says of whole instances comes before what `host` and `codec` say of parts.
    """
    try:
        report = msgspec.json.decode(path.read_bytes(), type=_Report)
    except OSError as error:
        raise BadReport(f"{path} cannot be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise BadReport(f"{path} is not a report of `payments bench --json`: {error}") from None
    try:
        return _Reader(report).measured(requests)
    except KeyError as error:
        layers = "host codec http_single http_two_hosts"
        raise BadReport(f"{path} lacks {error}: make it with `payments bench {layers} --json FILE`") from None


class _Reader:
    """Finds costs in a report. Raises KeyError where something is missing."""

    def __init__(self, report: _Report) -> None:
        self._cpu = report.cpu
        self._figures = {(figure.layer, figure.name): figure for figure in report.figures}
        self._is_whole = ONE_HOST in report.cpu and TWO_HOSTS in report.cpu

    def measured(self, requests: Requests) -> Measured:
        large = self._figures["host", LARGE]
        journal_bytes = self._host(LARGE, "journal")
        costs = Costs(
            requests=requests,
            api_microseconds=self._api(requests),
            host_microseconds=self._usual("the host", "host"),
            turn_microseconds=self._fixed("the host"),
            database_microseconds=self._usual("PostgreSQL", "PostgreSQL"),
            append_microseconds=self._fixed("PostgreSQL"),
            journal_bytes=journal_bytes,
            travel_microseconds=self._travel("the host", "host"),
            database_travel_microseconds=self._travel("PostgreSQL", "PostgreSQL"),
            journal_travel_bytes=self._added("journal"),
            disk_megabytes_a_second=(large.limit or 0.0) * journal_bytes / 1e6,
        )
        return Measured(costs, *self._check()) if self._is_whole else Measured(costs)

    def _host(self, case: str, what: str) -> float:
        return self._figures["host", f"{case}: {what}"].median

    def _fixed(self, what: str) -> float:
        """Return what a turn costs, whatever is in it: a payment costs `a + b / payments in the turn`, so two sizes tell b."""
        small, large = (self._host(case, "a turn") for case in (SMALL, LARGE))
        return max(0.0, (self._host(SMALL, what) - self._host(LARGE, what)) / (1 / small - 1 / large))

    def _added(self, what: str) -> float:
        """Return what is added if a payment travels, by hosts that live in one process."""
        return max(0.0, (self._host(PAIR, what) - self._host(USUAL, what)) / _TRAVELLING)

    def _usual(self, what: str, group: str) -> float:
        return self._used(ONE_HOST, group) if self._is_whole else self._host(LARGE, what)

    def _travel(self, what: str, group: str) -> float:
        if not self._is_whole:
            return self._added(what)
        return max(0.0, (self._used(TWO_HOSTS, group) - self._used(ONE_HOST, group)) / _TRAVELLING)

    def _api(self, requests: Requests) -> float:
        if requests == "single":
            return self._used(SINGLE, "API")
        if self._is_whole:
            return self._used(ONE_HOST, "API")
        return sum(self._figures["codec", name].median for name in _API_CODECS)

    def _used(self, side: str, group: str) -> float:
        cpu = self._cpu[side]
        return cpu.cores[group] * cpu.seconds * 1e6 / cpu.payments

    def _check(self) -> tuple[float, float]:
        total = sum(self._used(ONE_HOST, group) for group in self._cpu[ONE_HOST].cores)
        predicted = total / (total + _TRAVELLING * (self._added("the host") + self._added("PostgreSQL")))
        return predicted, self._figures["http_two_hosts", "batches of 1,000, two hosts against one"].median
