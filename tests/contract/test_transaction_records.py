"""Transaction records in S3: every event is in exactly one manifest, whatever crashes, races or comes again, and all damage is found."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from processor.bridges.checking.s3 import check_s3
from processor.bridges.control import rewind
from processor.bridges.cursors import Cursors, Replaced, take_over
from processor.bridges.s3 import sink as sink_module
from processor.bridges.s3.rows import EventRow, rows_of
from processor.bridges.s3.sink import NAME, S3Sink
from processor.bridges.s3.tables import ENTRIES, EVENTS, SCHEMAS
from processor.bridges.s3.verify import orphans
from processor.bridges.sink import Published, SinkUnavailable
from processor.cli import records as command
from processor.eventlog.event import PublishedEvent
from tests.aws import EmulatedAws
from tests.contract.recording import CHAPTERS, Recording, recording, tell_refusals
from tests.contract.story import tell_holds, tell_payments, tell_travels

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(aws: EmulatedAws, database_url: str, anyio_backend: str) -> AsyncIterator[Recording]:
    """A ledger with open accounts, and a bucket in which nothing can be removed for a day."""
    settings, s3 = aws.settings(s3_flush_seconds=0.1), aws.client("s3")
    s3.create_bucket(Bucket=settings.s3_bucket, ObjectLockEnabledForBucket=True)
    retention = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}}
    s3.put_object_lock_configuration(Bucket=settings.s3_bucket, ObjectLockConfiguration=retention)
    async with recording(settings, database_url) as scene:
        yield scene


def names_of(events: Iterable[PublishedEvent]) -> list[str]:
    return sorted(event.name for event in events)


async def cursors_of(scene: Recording) -> Cursors:
    """A new copy's cursor."""
    cursors = Cursors(scene.link, NAME, await take_over(scene.link, NAME))
    await cursors.read(dict.fromkeys(await scene.heads(), 0))
    return cursors


async def published_by(sink: S3Sink, events: list[PublishedEvent]) -> Published:
    await sink.open()
    return await sink.publish(events)


async def test_every_event_of_the_journal_is_recorded_once_over_several_flushes(scene: Recording) -> None:
    for chapter in (*CHAPTERS, tell_refusals):
        await scene.record()
        await chapter(scene.story)
    await scene.record()
    found, events = await scene.verify(), await scene.published()
    assert found.problems == []
    assert (found.manifests, found.events, found.ends) == (len(CHAPTERS) + 2, len(events), await scene.heads())
    assert sorted(await scene.names()) == names_of(events)
    assert {event.type for event in events} == set((await scene.table(EVENTS))["type"].to_pylist())
    verdict = await check_s3(scene.settings, scene.journal, await scene.heads())
    lines = (await scene.table(ENTRIES)).num_rows
    assert (verdict.problems, verdict.compared) == ([], len(events) + lines)


async def test_each_accounts_newest_line_says_how_it_stands_posted_and_pending(scene: Recording) -> None:
    for chapter in CHAPTERS:
        await chapter(scene.story)
        await scene.record()
    stands = {}
    for row in (await scene.table(ENTRIES)).to_pylist():
        stands[row["account"]] = tuple(row[f"{name}_after"] for name in ("posted", "pending_in", "pending_out", "available"))
    ledger = {
        name: (account.posted, account.pending_in, account.pending_out, account.posted - account.pending_out)
        for shard in (0, 1)
        for name, account in scene.story.replayed(shard).accounts.items()
    }
    assert stands == ledger and any(pending_out for _, _, pending_out, _ in stands.values())


async def test_files_of_a_flush_that_crashed_before_its_commit_never_count(scene: Recording) -> None:
    await tell_payments(scene.story)
    await published_by(scene.sink(), (await scene.published())[:7])
    left_behind = await scene.keys()
    assert left_behind and await orphans(scene.bucket)
    await scene.record()
    assert (await scene.verify()).problems == []
    assert sorted(await scene.names()) == names_of(await scene.published())
    assert {key for key, _ in await orphans(scene.bucket)} <= left_behind and await orphans(scene.bucket)


async def test_a_repeat_after_a_crash_finds_its_own_files_and_commits_once(scene: Recording, aws: EmulatedAws) -> None:
    await tell_payments(scene.story)
    events = await scene.published()
    await published_by(scene.sink(), events)
    files = await scene.keys()
    cursors = await cursors_of(scene)
    part = await published_by(scene.sink(), events)
    assert part.save is not None and await scene.keys() == files
    await cursors.advance(await scene.heads(), saves=[part.save])
    assert await orphans(scene.bucket) == [(file, size) async for file, size in scene.bucket.list("e")]
    # It crashed again, before the manifest came to S3; the next copy brings it there.
    assert [text for text in (await scene.verify()).problems if "manifest 1 is missing" in text]
    await scene.record()
    assert (await scene.verify()).problems == [] and await orphans(scene.bucket) == []
    assert len(await scene.manifests()) == 1
    versions = aws.client("s3").list_object_versions(Bucket=scene.settings.s3_bucket)["Versions"]
    assert len(versions) == len(await scene.keys()), "nothing was written twice"


async def test_of_two_copies_that_write_the_same_events_only_the_newer_one_commits(scene: Recording) -> None:
    await tell_payments(scene.story)
    events, heads = await scene.published(), await scene.heads()
    older = await cursors_of(scene)
    late = await published_by(scene.sink(), events[:5])
    newer = await cursors_of(scene)
    won = await published_by(scene.sink(), events)
    assert late.save is not None and won.save is not None and won.saved is not None
    await newer.advance(heads, saves=[won.save])
    with pytest.raises(Replaced):
        await older.advance(heads, saves=[late.save])
    await won.saved()
    assert (await scene.verify()).problems == []
    assert sorted(await scene.names()) == names_of(events)


async def test_a_cursor_that_was_set_back_adds_nothing_twice(scene: Recording) -> None:
    await tell_payments(scene.story)
    await scene.record()
    await rewind(scene.link, NAME, None)
    await tell_holds(scene.story)
    await scene.record()
    assert (await scene.verify()).problems == []
    assert sorted(await scene.names()) == names_of(await scene.published())


async def test_a_shard_that_was_set_back_stays_covered_while_others_go_on(scene: Recording) -> None:
    await tell_payments(scene.story)
    await scene.record()
    before = await scene.heads()
    await tell_holds(scene.story)
    await rewind(scene.link, NAME, {1: 1})
    cursors = await cursors_of(scene)
    part = await published_by(scene.sink(), [event for event in await scene.published() if event.shard == 0])
    assert part.save is not None and part.saved is not None
    await cursors.advance({0: (await scene.heads())[0]}, saves=[part.save])
    await part.saved()
    found = await scene.verify()
    assert found.problems == [] and found.ends == before | {0: (await scene.heads())[0]}
    await scene.record()
    assert sorted(await scene.names()) == names_of(await scene.published())


async def test_an_event_that_cannot_be_written_is_named_as_left_out_until_it_comes(
    scene: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tell_payments(scene.story)
    bad = (await scene.published())[9]

    def fail_on_one(events: Iterable[PublishedEvent]) -> Any:
        if bad in events:
            raise OverflowError("it does not fit")
        return rows_of(events)

    with monkeypatch.context() as patch:
        patch.setattr(sink_module, "rows_of", fail_on_one)
        await scene.record()
    await tell_holds(scene.story)
    await scene.record()
    assert (await scene.manifests())[-1].manifest.left_out == (bad.name,)
    assert [text for text in (await scene.verify()).problems if bad.name in text]
    assert (await check_s3(scene.settings, scene.journal, {})).problems == [f"event {bad.name} is in no file"]
    await scene.link.execute("UPDATE payments.bridge_dead_letters SET redrive_at = now()")
    await tell_travels(scene.story)
    await scene.record(redrives=True)
    assert (await scene.manifests())[-1].manifest.left_out == ()
    assert (await check_s3(scene.settings, scene.journal, await scene.heads())).problems == []
    assert (await scene.verify()).problems == []
    assert sorted(await scene.names()) == names_of(await scene.published())


DAMAGES = {
    "entries/": "its SHA-256 is not",
    "events/": "its SHA-256 is not",
    "manifests/000000000001.json": "does not carry the hash of the manifest before it",
    "manifests/000000000003.json": "is not the manifest that the ledger has committed",
    "athena/events/": "does not list what its manifest names",
    "redshift/entries/": "does not list what its manifest names",
}


async def test_every_damaged_or_missing_object_is_found(scene: Recording, aws: EmulatedAws) -> None:
    for chapter in (tell_payments, tell_holds, tell_travels):
        await chapter(scene.story)
        await scene.record()
    s3, bucket = aws.client("s3"), scene.settings.s3_bucket
    for prefix, words in DAMAGES.items():
        [first, *_] = [key async for key, _ in scene.bucket.list(prefix)]
        content = await scene.bucket.get(first)
        assert content is not None
        changed = content.replace(b'"written_at": "2', b'"written_at": "3') if prefix.startswith("man") else content[:-1] + b"x"
        version = s3.put_object(Bucket=bucket, Key=first, Body=changed)["VersionId"]
        assert any(words in text for text in (await scene.verify()).problems), prefix
        s3.delete_object(Bucket=bucket, Key=first)
        assert any("missing" in text for text in (await scene.verify()).problems), prefix
        restore(s3, bucket, first, version)
    assert (await scene.verify()).problems == []


def restore(s3: Any, bucket: str, key: str, damaged: str) -> None:
    """Bring back what an object was before it was changed to this version and removed: no version is ever lost under a lock."""
    found = s3.list_object_versions(Bucket=bucket, Prefix=key)
    for marker in found.get("DeleteMarkers", []):
        s3.delete_object(Bucket=bucket, Key=key, VersionId=marker["VersionId"])
    [original] = [version["VersionId"] for version in found["Versions"] if version["VersionId"] != damaged]
    body = s3.get_object(Bucket=bucket, Key=key, VersionId=original)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=body)


async def test_a_bucket_that_cannot_be_used_is_named_with_what_to_do(scene: Recording, aws: EmulatedAws) -> None:
    s3, name = aws.client("s3"), scene.settings.s3_bucket
    s3.put_object(Bucket=name, Key="manifests/000000000001.json", Body=b"{}")
    with pytest.raises(SinkUnavailable, match=f"{name}.*another ledger's.*empty bucket"):
        await scene.sink().open()
    with pytest.raises(SinkUnavailable, match="does not exist"):
        await S3Sink(aws.settings(), scene.link).open()


async def test_what_differs_from_the_journal_is_told_row_by_row(scene: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    await tell_payments(scene.story)

    def wrong(events: Iterable[PublishedEvent]) -> Any:
        return {
            partition: [row._replace(currency="USD") if row.sequence == 3 and isinstance(row, EventRow) else row for row in rows]
            for partition, rows in rows_of(events).items()
        }

    monkeypatch.setattr(sink_module, "rows_of", wrong)
    await scene.record()
    problems = (await check_s3(scene.settings, scene.journal, {0: 99})).problems
    assert any("events has a row that the journal does not tell: (0, 3, 0" in text for text in problems)
    assert any("events lacks the row (0, 3, 0" in text for text in problems)
    assert any("shard 0 is not covered up to 99" in text for text in problems)


async def test_the_command_verifies_and_says_how_by_its_exit_code(scene: Recording, database_url: str) -> None:
    await tell_payments(scene.story)
    await scene.record()
    await tell_holds(scene.story)
    settings = scene.settings
    environment = {
        "PAYMENTS_DATABASE_URL": database_url,
        "PAYMENTS_AWS_ENDPOINT_URL": settings.aws_endpoint_url,
        "PAYMENTS_S3_BUCKET": settings.s3_bucket,
    }

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, command.records, arguments, env=environment)

    verified = await run("verify")
    assert verified.exit_code == 0 and "All agrees." in verified.output
    assert f"{sum((await scene.heads()).values()) - sum((await scene.verify()).ends.values())} records" in verified.output
    await published_by(scene.sink(), (await scene.published())[-3:])
    listed = await run("orphans")
    assert [line.split("\t")[1] for line in listed.output.splitlines()] == [key for key, _ in await orphans(scene.bucket)] != []
    await scene.link.execute("UPDATE payments.record_segments SET manifest = manifest || ' '")
    changed = await run("verify")
    assert changed.exit_code == 1 and "is not the manifest that the ledger has committed" in changed.output
    environment["PAYMENTS_S3_BUCKET"] = "payments-nowhere"
    nowhere = await run("verify")
    assert nowhere.exit_code == 2 and "payments-nowhere does not exist" in nowhere.stderr


def test_the_rows_have_the_tables_columns() -> None:
    assert list(EventRow._fields) == SCHEMAS[EVENTS].names
