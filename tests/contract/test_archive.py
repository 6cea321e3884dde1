"""The archive's contract, for every implementation and over every journal: facts, and up to which record they are complete."""

from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from processor.core import events as e
from processor.core.payment import Payment, held, immediate
from processor.core.recall import OutcomeFact, PaymentFact, Recall
from processor.core.results import Result
from processor.core.shard import OPEN, unpack_outcome
from processor.journal.choice import apart
from processor.journal.memory import MemoryJournal
from processor.journal.postgres import create_ledger
from processor.projections.archive import PostgresArchive
from processor.projections.interface import Archive, ArchiveUnavailable
from processor.projections.memory_archive import MemoryArchive
from processor.projections.schema import prepare_projections
from tests.contract.ledgers import Ledger, MemoryLedger, PostgresLedger
from tests.contract.projected import catch_up
from tests.contract.story import EXPIRES_AT, FINGERPRINT, SHARDS, Story, hold, key, tell_chapters

pytestmark = pytest.mark.anyio

STORES = ("memory", "postgres", "dynamodb")  # A mirrored journal is read as DynamoDB's is: through its interface.


class Archived(Protocol):
    """A story, and an archive of it that takes in what is new when it is told to."""

    story: Story
    archive: Archive

    async def advance(self) -> None: ...

    async def close(self) -> None: ...


class ArchivedInMemory:
    def __init__(self, story: Story) -> None:
        self.story = story
        self.archive = MemoryArchive(story.journal)

    async def advance(self) -> None:
        await self.archive.advance()

    async def close(self) -> None:
        pass


class ArchivedInPostgres:
    def __init__(self, story: Story, archive: PostgresArchive, dsn: str) -> None:
        self.story = story
        self.archive = archive
        self._dsn = dsn

    async def advance(self) -> None:
        await catch_up(self._dsn, journal=apart(self.story.journal))

    async def close(self) -> None:
        await self.archive.close()


@pytest.fixture
def tables_url(store: Ledger, request: pytest.FixtureRequest) -> str:
    """The database of the read model. In memory there is none."""
    return "" if isinstance(store, MemoryLedger) else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def archived(ledger: Ledger, tables_url: str) -> AsyncIterator[Archived]:
    """An archive in each of the stores over a journal whose accounts are open, which has taken in nothing yet."""
    story = Story(await ledger.journal(), await ledger.shard_map())
    await story.open()
    archived: Archived
    if isinstance(ledger, MemoryLedger):
        archived = ArchivedInMemory(story)
    else:
        await create_ledger(tables_url, SHARDS)
        await prepare_projections(tables_url)
        archived = ArchivedInPostgres(story, await PostgresArchive.connect(tables_url, story.journal), tables_url)
    yield archived
    await archived.close()


async def recalled(archived: Archived, name: str) -> Payment | None:
    """Return what the archive says of the payment that the story calls so."""
    [fact] = await archived.archive.recall([Recall(0, place=archived.story.of(name))])
    assert isinstance(fact, PaymentFact)
    assert (fact.shard, fact.place) == (0, archived.story.of(name))
    return fact.payment


async def tell_and_advance(archived: Archived) -> Story:
    """Tell the whole story to an archive that has begun, and let it take it in."""
    await tell_chapters(archived.story)
    await archived.advance()
    return archived.story


async def test_every_outcome_that_a_shard_remembers_is_recalled(archived: Archived) -> None:
    story = await tell_and_advance(archived)
    state = story.replayed(0)
    remembered = {k: v for k, v in (state.earlier | state.outcomes).items() if unpack_outcome(v)[5] != OPEN}
    facts = await archived.archive.recall([Recall(0, key=name) for name in remembered])
    assert facts == [OutcomeFact(0, name, outcome, state.sequence) for name, outcome in remembered.items()]


async def test_a_key_without_an_outcome_is_said_to_have_none(archived: Archived) -> None:
    story = await tell_and_advance(archived)
    position = len(story.records[0])
    names = ("never used", "no answer", "given up", "under way")
    facts = await archived.archive.recall([Recall(0, key=key(name)) for name in names])
    assert facts == [OutcomeFact(0, key(name), None, position) for name in names]


async def test_every_payment_that_a_shard_remembers_is_recalled_as_it_stands(archived: Archived) -> None:
    story = await tell_and_advance(archived)
    for payment in story.replayed(0).payments.values():
        [fact] = await archived.archive.recall([Recall(0, place=(payment.at, payment.sequence, payment.index))])
        assert isinstance(fact, PaymentFact)
        assert fact.payment == payment


async def test_a_payment_made_at_once_is_recalled_with_all_that_was_asked(archived: Archived) -> None:
    story = await tell_and_advance(archived)
    legs = (e.Leg("a", "b", 5, "EUR"), e.Leg("b", "c", 3, "EUR"))
    assert await recalled(archived, "legs") == immediate(*story.of("legs"), legs, None, None)
    paid = await recalled(archived, "paid")
    assert paid is not None
    assert (paid.reference, paid.metadata, paid.refunded, paid.status) == (
        "order 1",
        {"color": "red"},
        (4,),
        "partially_refunded",
    )


async def test_a_place_without_a_payment_is_said_to_have_none(archived: Archived) -> None:
    story = await tell_and_advance(archived)
    at, sequence, index = story.of("paid")
    for place in ((at, sequence, index + 1), (at, sequence, 99), (at + 1, sequence, index), (at, 10_000, 0)):
        assert await archived.archive.recall([Recall(0, place=place)]) == [PaymentFact(0, place, None, len(story.records[0]))]
    for name in ("no answer", "refused far", "given up", "under way", "far refund"):
        assert await recalled(archived, name) is None


async def test_questions_of_both_kinds_are_answered_in_their_order(archived: Archived) -> None:
    story = await tell_and_advance(archived)
    asked = [
        Recall(0, place=story.of("hold")), Recall(0, key=key("paid")), Recall(1, key=key("paid elsewhere")),
        Recall(0, place=story.of("voided")), Recall(0, key=key("refused")),
    ]  # fmt: skip
    facts = await archived.archive.recall(asked)
    assert [type(fact) for fact in facts] == [PaymentFact, OutcomeFact, OutcomeFact, PaymentFact, OutcomeFact]
    assert [fact.shard for fact in facts] == [0, 0, 1, 0, 0]
    assert [fact.payment.status for fact in facts if isinstance(fact, PaymentFact) and fact.payment] == ["refunded", "voided"]
    assert facts[4].outcome is not None
    assert unpack_outcome(facts[4].outcome)[5] == Result.INSUFFICIENT_FUNDS
    assert await archived.archive.recall([]) == []


async def test_positions_follow_the_journal(archived: Archived) -> None:
    assert await archived.archive.positions() == dict.fromkeys(range(SHARDS), 0)
    await archived.advance()
    assert await archived.archive.positions() == {0: 2, 1: 2, 2: 0, 3: 0}


async def test_payments_newer_than_the_archive_are_recalled_as_they_were_made(archived: Archived) -> None:
    await archived.advance()
    story = archived.story
    await tell_chapters(story)
    assert (await archived.archive.positions())[0] == 2
    paid = immediate(*story.of("paid"), (e.Leg("a", "b", 10, "EUR"),), "order 1", {"color": "red"})
    made = held(*story.of("hold"), (e.Leg("a", "b", 30, "EUR"),), EXPIRES_AT, "order 2", None, story.places["hold"].sequence)
    assert await recalled(archived, "paid") == paid
    assert await recalled(archived, "hold") == made
    for name, changed in (("short", 17), ("far hold", 22)):
        payment = await recalled(archived, name)
        assert payment is not None
        assert payment.changed == changed
    for name in ("no answer", "refused far", "given up", "under way", "far refund"):
        assert await recalled(archived, name) is None
    assert await archived.archive.recall([Recall(0, key=key("paid"))]) == [OutcomeFact(0, key("paid"), None, 2)]


async def test_a_payment_that_travels_is_recalled_once_it_is_decided_although_the_archive_is_behind(archived: Archived) -> None:
    story = archived.story
    legs = (e.Leg("a", "c", 6, "EUR"),)
    await story.add(0, e.Reserved(1, key("t"), FINGERPRINT, legs, (hold("a", 6),), (1,), None, None), name="travels")
    await archived.advance()
    assert await recalled(archived, "travels") is None
    await story.add(0, e.Decided(1, *story.of("travels"), 0, 0, (story.entry("a", -6),), ((1, "EUR", 6),)))
    payment = await recalled(archived, "travels")
    assert payment is not None
    assert (payment.status, payment.changed) == ("succeeded", story.places["travels"].sequence + 1)
    await archived.advance()
    assert await recalled(archived, "travels") == payment


async def test_damage_in_the_journal_makes_the_archive_unavailable(archived: Archived, ledger: Ledger) -> None:
    story = await tell_and_advance(archived)
    await story.add(0, e.Aged(1024), name="damaged")
    place = story.places["damaged"]
    await ledger.replace_frame(0, place.sequence, b"no frame")
    with pytest.raises(ArchiveUnavailable):
        await archived.archive.recall([Recall(0, place=(place.at, place.sequence, 0))])


async def test_an_archive_without_a_database_is_unavailable() -> None:
    nowhere = "postgresql://nobody:nothing@127.0.0.1:1/nothing"
    archive = await PostgresArchive.connect(nowhere, MemoryJournal(SHARDS))
    with pytest.raises(ArchiveUnavailable, match="the archive cannot be read"):
        await archive.recall([Recall(0, key=key("paid"))])
    with pytest.raises(ArchiveUnavailable):
        await archive.positions()
    await archive.close()


async def test_an_archive_without_tables_is_unavailable(database_url: str) -> None:
    ledger = PostgresLedger(database_url)
    archive = await PostgresArchive.connect(database_url, await ledger.journal())
    with pytest.raises(ArchiveUnavailable, match="the archive cannot be read"):
        await archive.positions()
    await archive.close()
    await ledger.close()
