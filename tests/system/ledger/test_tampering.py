"""A journal, or a read model, that somebody has changed behind the ledger's back: `payments verify` finds it and says where."""

import asyncio
from collections.abc import Callable, Iterator

import msgspec
import pytest

from processor.core import events as e
from processor.core.messages import Kind
from processor.journal.record import Record
from tests.system.instance import Instance
from tests.system.ledger.books import Books
from tests.system.ledger.conftest import SHARD_HOSTS, SHARDS
from tests.system.ledger.hosts import wait_until_spread
from tests.system.ledger.journal_reading import database_url as url_of
from tests.system.ledger.journal_reading import execute
from tests.system.ledger.ledger_copy import Copy, Rows, read_rows
from tests.system.ledger.life_books import LifeBooks
from tests.system.ledger.life_load import LifeLoad

ANSWERS = 300

Change = Callable[[e.AnyEvent], e.AnyEvent | None]


@pytest.fixture(scope="module")
def rows(shared_instance: Instance) -> Rows:
    """The shared instance's ledger, with every kind of payment in it, whose proof holds."""
    wait_until_spread(shared_instance, SHARD_HOSTS)
    lives = LifeBooks(Books(shared_instance))
    lives.books.send(lives.books.supply.batch(200))
    with LifeLoad(lives) as load:
        load.wait_for_answers(ANSWERS)
    lives.check()
    return asyncio.run(read_rows(url_of(shared_instance)))


@pytest.fixture
def copy(rows: Rows, database_url: str) -> Iterator[Copy]:
    """A copy of it."""
    made = Copy(database_url, rows)
    yield made
    made.remove()


def problems_of(copy: Copy) -> list[str]:
    """Return what the proof reports, which must be something."""
    proof = copy.verify()
    assert proof.returncode == 1, proof.stdout + proof.stderr
    assert "Traceback" not in proof.stdout + proof.stderr
    return [line for line in proof.stdout.splitlines() if line.startswith("problem:")]


def flip_a_byte(copy: Copy, record: Record) -> None:
    frame = bytearray(record.frame())
    frame[-1] ^= 1
    statement = "UPDATE payments.journal_records SET frame = $3 WHERE shard = $1 AND sequence = $2"
    assert execute(copy.url, statement, record.shard, record.sequence, bytes(frame)) == "UPDATE 1"


def remove_it(copy: Copy, record: Record) -> None:
    statement = "DELETE FROM payments.journal_records WHERE shard = $1 AND sequence = $2"
    assert execute(copy.url, statement, record.shard, record.sequence) == "DELETE 1"


def forge_an_amount(copy: Copy, record: Record) -> None:
    """Change an amount and mend checksum and hash of the record, but not of its successors."""
    copy.replace(_forged(record, richer_payment))


def forge_an_amount_and_all_hashes(copy: Copy, record: Record) -> None:
    """Only the rules of money are left to contradict."""
    forge_with_all_hashes(copy, record, richer_payment)


def forge_with_all_hashes(copy: Copy, record: Record, change: Change) -> None:
    """Change an event and mend the whole chain after it."""
    forged = [_forged(record, change)]
    for follower in copy.records(record.shard)[record.sequence :]:
        forged.append(msgspec.structs.replace(follower, previous_hash=forged[-1].hash(), _frame=None, _hash=None))
    copy.replace(*forged)


def richer_payment(event: e.AnyEvent) -> e.AnyEvent | None:
    """Pay one cent more."""
    return msgspec.structs.replace(event, amount=event.amount + 1) if isinstance(event, e.Paid) else None


def weaker_hold(event: e.AnyEvent) -> e.AnyEvent | None:
    """Reserve one cent less than the hold's legs say."""
    if not isinstance(event, e.Held) or not event.holds[0].outgoing:
        return None
    first, *others = event.holds
    return msgspec.structs.replace(event, holds=(e.Hold(first.account, first.outgoing - 1, first.incoming), *others))


def early_expiry(event: e.AnyEvent) -> e.AnyEvent | None:
    """Say of a void that it was time that ended the hold."""
    is_void = isinstance(event, e.Released) and event.kind == Kind.VOID
    return msgspec.structs.replace(event, kind=Kind.EXPIRY) if is_void else None


def richer_capture(event: e.AnyEvent) -> e.AnyEvent | None:
    """Say that one cent more was captured than was posted."""
    if not isinstance(event, e.Captured):
        return None
    first, *others = event.captured
    return msgspec.structs.replace(event, captured=(first + 1, *others))


def smaller_refund(event: e.AnyEvent) -> e.AnyEvent | None:
    """Say that one cent less was refunded, so that it could be had again."""
    if not isinstance(event, e.Refunded):
        return None
    first, *others = event.refunded
    return msgspec.structs.replace(event, refunded=(first - 1, *others))


def _forged(record: Record, change: Change) -> Record:
    """Return the record with its first event changed that can be."""
    events = list(e.decode_events(record.payload))
    index, changed = next((i, c) for i, event in enumerate(events) if (c := change(event)) is not None)
    events[index] = changed
    return msgspec.structs.replace(record, payload=msgspec.msgpack.encode(events), _frame=None, _hash=None)


def _last_with(copy: Copy, change: Change) -> Record:
    """Return a shard's last record that can be changed so. Not the newest: that one has no follower to contradict its hash."""
    for shard in range(SHARDS):
        for record in reversed(copy.records(shard)[:-1]):
            if any(change(event) is not None for event in e.decode_events(record.payload)):
                return record
    raise AssertionError("the load has left nothing in the journal that could be changed so")


def test_the_proof_of_an_unchanged_copy_holds(copy: Copy) -> None:
    assert copy.run("projections", "rebuild").returncode == 0
    proof = copy.verify()
    assert proof.returncode == 0, proof.stdout + proof.stderr


@pytest.mark.parametrize("tamper", [flip_a_byte, remove_it, forge_an_amount, forge_an_amount_and_all_hashes])
def test_a_changed_journal_is_found_and_the_record_named(copy: Copy, tamper: Callable[[Copy, Record], None]) -> None:
    record = _last_with(copy, richer_payment)
    tamper(copy, record)
    first, *_ = problems_of(copy)
    assert first.startswith(f"problem: shard {record.shard}: the journal breaks after record {record.sequence - 1}: ")


@pytest.mark.parametrize("change", [weaker_hold, early_expiry, richer_capture, smaller_refund])
def test_a_changed_hold_capture_or_refund_is_found_and_its_shard_named(copy: Copy, change: Change) -> None:
    record = _last_with(copy, change)
    forge_with_all_hashes(copy, record, change)
    first, *_ = problems_of(copy)
    assert first.startswith(f"problem: shard {record.shard}")


# In a shard each, so that one proof tells them apart: what is changed there, and what must be said of it.
ROWS = (
    (
        """UPDATE projections.entries SET amount = amount + 1 WHERE (account, at, sequence, line) = (
            SELECT account, at, sequence, line FROM projections.entries JOIN projections.accounts USING (account)
            WHERE shard = 0 AND amount > 0 LIMIT 1)""",
        "the table entries has other rows than the journal makes",
    ),
    (
        """UPDATE projections.payments SET reference = 'another' WHERE (at, shard, sequence, index) = (
            SELECT at, shard, sequence, index FROM projections.payments WHERE shard = 1 AND status = 'voided' LIMIT 1)""",
        "the table payments has other rows than the journal makes",
    ),
    (
        # One bit of what the key was used for.
        """UPDATE projections.outcomes SET outcome = set_byte(outcome, 0, get_byte(outcome, 0) # 1)
        WHERE key = (SELECT key FROM projections.outcomes WHERE shard = 2 LIMIT 1)""",
        "the table outcomes has other rows than the journal makes",
    ),
    (
        """UPDATE projections.entries SET pending_out = pending_out + 1 WHERE (account, at, sequence, line) = (
            SELECT account, at, sequence, line FROM projections.entries JOIN projections.accounts USING (account)
            WHERE shard = 3 ORDER BY at DESC, sequence DESC, line DESC LIMIT 1)""",
        "the tables have account",
    ),
)


def test_changed_rows_of_the_read_model_are_found_and_their_tables_named(copy: Copy) -> None:
    assert copy.run("projections", "rebuild").returncode == 0
    for statement, _ in ROWS:
        assert execute(copy.url, statement).endswith(" 1"), statement
    problems = problems_of(copy)
    assert len(problems) == len(ROWS), problems
    for shard, (_, said) in enumerate(ROWS):
        assert [text for text in problems if text.startswith(f"problem: shard {shard}: {said}")], problems
