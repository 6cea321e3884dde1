"""What one payment, account or record costs, each with how it is known. `payments capacity` counts with these and nothing else.

Measured values are from single-leg payments without reference or metadata on 2 cores of an AMD EPYC virtual machine, where one core was
often shared; one vCPU of AWS is taken to do as much. What could not be measured here is an `assumption` with its reason: measure it in
the account before money depends on it.
"""

from typing import Final, NamedTuple


class Cost(NamedTuple):
    """One known cost. `source` is the command that printed it, or "assumption: " and the reason."""

    value: float
    unit: str
    source: str
    date: str

    @property
    def is_assumed(self) -> bool:
        """Whether nobody has measured it."""
        return self.source.startswith("assumption: ")


def _measured(value: float, unit: str, command: str, date: str = "2026-11-26") -> Cost:
    return Cost(value, unit, command, date)


def _assumed(value: float, unit: str, reason: str) -> Cost:
    return Cost(value, unit, f"assumption: {reason}", "2026-11-26")


_SINGLE = "payments bench http_single"
_HOSTS = "payments bench host http_two_hosts"
_SIZES = "payments bench sizes"

COSTS: Final[dict[str, Cost]] = {
    # Processor time in microseconds of one core.
    "api_single": _measured(64.6, "us/payment", f"{_SINGLE}: API", "2026-11-20"),
    "api_batch": _measured(3.0, "us/payment", "payments bench http_two_hosts: API, batches of 1,000", "2026-11-20"),
    "host_single": _measured(20.9, "us/payment", f"{_SINGLE}: host, turns included", "2026-11-20"),
    "host_batch": _measured(6.5, "us/payment", f"{_HOSTS}: host, batches of 1,000", "2026-11-20"),
    "host_turn": _measured(220.0, "us/turn", f"{_HOSTS}: as `payments bench model` tells it", "2026-11-20"),
    "host_travel": _measured(46.5, "us/payment", f"{_HOSTS}: added, over both hosts, if a payment travels", "2026-11-20"),
    "database_payment": _measured(3.5, "us/payment", f"{_HOSTS}: PostgreSQL", "2026-11-20"),
    "database_append": _measured(246.0, "us/turn", f"{_HOSTS}: as `payments bench model` tells it", "2026-11-20"),
    "database_travel": _measured(22.5, "us/payment", f"{_HOSTS}: added if a payment travels", "2026-11-20"),
    "projector": _measured(8.2, "us/payment", "payments bench projector: Python"),
    "database_projection": _measured(22.9, "us/payment", "payments bench projector: PostgreSQL"),
    "replay": _measured(3.5, "us/payment", "payments bench replay", "2026-11-20"),
    "bridge_reading": _measured(7.5, "us/payment", f"{_SIZES}: records to published events"),
    "kinesis": _measured(16.0, "us/event", "payments bench sinks: our process", "2026-11-20"),
    "dynamodb": _measured(75.0, "us/event", "payments bench sinks: our process", "2026-11-20"),
    "sns": _measured(375.0, "us/event", "payments bench sinks: our process", "2026-11-20"),
    "s3": _measured(20.0, "us/event", f"{_SIZES}: s3"),
    "redis": _assumed(20.0, "us/event", "the emulated rate of `payments bench sinks`, 31,400 events/s, was Valkey's and ours together"),
    "snapshot_account": _measured(1.0, "us/account", f"{_SIZES}: read from a snapshot"),
    "archive_lookup": _assumed(15.0, "us/payment", "one row by its key in PostgreSQL, many keys in one statement; not measured by itself"),
    "map_view": _assumed(200.0, "us/look", "a read of two small tables; each row of the shard map comes on top"),
    "map_row": _assumed(1.0, "us/row", "as above"),
    # Sizes in bytes.
    "account_memory": _measured(320.0, "bytes/account", "payments bench memory: loaded from a snapshot", "2026-11-20"),
    "outcome_memory": _measured(187.0, "bytes/key", "payments bench memory", "2026-11-20"),
    "process_memory": _assumed(450e6, "bytes/process", "a Ray worker with this program loaded, and room to encode what it sends"),
    "journal_payment": _measured(140.0, "bytes/payment", f"{_SIZES}: the journal's table"),
    "journal_travel": _measured(108.0, "bytes/payment", "payments bench host: added if a payment travels", "2026-11-20"),
    "journal_record": _measured(207.0, "bytes/record", f"{_SIZES}: a record, whatever is in it"),
    "record_frame": _measured(73.0, "bytes/record", "processor/journal/record.py: HEADER_BYTES"),
    "read_model": _measured(1200.0, "bytes/payment", f"{_SIZES}: the read model, with its indexes"),
    "hot_share": _assumed(
        0.5, "of the read model", "indexes by account and key are written at random places: pages of a day's rows should be in memory"
    ),
    "kinesis_bytes": _measured(1590.0, "bytes/payment", f"{_SIZES}: events as JSON"),
    "transaction_bytes": _measured(511.0, "bytes/payment", f"{_SIZES}: DynamoDB item"),
    "s3_bytes": _assumed(120.0, "bytes/payment", f"{_SIZES} prints 59 for account names that compress well; real ones do not"),
    "redis_copy": _measured(157.0, "bytes/account", f"{_SIZES}: the copy of an account's balances"),
    "redis_key": _measured(144.0, "bytes/key", f"{_SIZES}: a key that was seen"),
    "answer_bytes": _assumed(700.0, "bytes/request", "a payment's answer with its headers"),
    "zone_bytes": _assumed(2000.0, "bytes/payment", "request, frames between API and hosts, append: two thirds of it between zones"),
    "events": _measured(2.0, "events/payment", f"{_SIZES}: 1.88 with 8 shards; with many shards both accounts hardly ever share one"),
    # How AWS answers, and what one of its parts takes.
    "append_seconds": _assumed(0.004, "s/append", "a commit of Aurora to storage in three zones, seen by a client in the same region"),
    "mirror_seconds": _assumed(0.010, "s/append", "one TransactWriteItems after it"),
    "writer_commits": _assumed(20_000.0, "commits/s", "many sessions at once on Aurora's largest writers; AWS names no figure"),
    "writer_log": _assumed(150e6, "bytes/s", "log that one Aurora writer ships to its storage; AWS names no figure"),
    "log_factor": _assumed(1.5, "ratio", "log to table bytes: index pages, and what Aurora adds"),
    "connections": _assumed(10.0, "connections/process", "writer, readers, shard map, listener, archive, projections' readers"),
}  # fmt: skip


def cost(name: str) -> float:
    """Return a cost's value."""
    return COSTS[name].value


def costs_table() -> str:
    """Return all of them as a Markdown table."""
    rows = ["| cost | value | unit | known from | date |", "| --- | --- | --- | --- | --- |"]
    rows += [f"| `{name}` | {each.value:,.10g} | {each.unit} | {each.source} | {each.date} |" for name, each in COSTS.items()]
    return "\n".join(rows)
