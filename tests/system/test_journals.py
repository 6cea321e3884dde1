"""Whole instances whose journal is mirrored to DynamoDB, and then in DynamoDB alone: hosts die, and the proof holds."""

from collections.abc import Callable

import pytest

from processor.aws.creation import create_table
from processor.aws.resources import journal_table
from processor.journal.dynamodb.items import record_key
from tests.aws import EmulatedAws
from tests.system.instance import Instance
from tests.system.ledger.background_load import BackgroundLoad
from tests.system.ledger.books import Books
from tests.system.ledger.hosts import host_process, owned_shards, wait_until_spread

NewInstance = Callable[..., Instance]
HOSTS = 2
SHARDS = 4


@pytest.fixture
def instance(aws: EmulatedAws, new_instance: NewInstance) -> Instance:
    """An instance that does not run yet, with a table for its journal."""
    settings = aws.settings()
    create_table(settings, journal_table(settings))
    return new_instance(
        shards=SHARDS, shard_hosts=HOSTS, journal="mirrored", aws_endpoint_url=settings.aws_endpoint_url,
        dynamodb_journal_table=settings.dynamodb_journal_table,
    )  # fmt: skip


def test_hosts_die_while_two_stores_are_written_and_while_one_of_them_goes_on_alone(aws: EmulatedAws, instance: Instance) -> None:
    books = Books(instance.start())
    pay_while_a_host_dies(books)
    proof = instance.run("verify")
    assert proof.returncode == 0, proof.stdout + proof.stderr

    client, table = aws.client("dynamodb"), instance.environment["PAYMENTS_DYNAMODB_JOURNAL_TABLE"]
    shard = max(owned_shards(instance), key=lambda owned: owned.sequence).shard
    item = client.get_item(TableName=table, Key=record_key(shard, 5))["Item"]
    frame = item["frame"]["B"]
    client.put_item(TableName=table, Item=item | {"frame": {"B": frame[:-1] + bytes([frame[-1] ^ 1])}})
    proof = instance.run("verify")
    assert proof.returncode == 1, proof.stdout + proof.stderr
    assert f"problem: in DynamoDB: shard {shard}, sequence 5: its checksum does not fit" in proof.stdout
    client.put_item(TableName=table, Item=item)

    assert instance.stop() == 0
    instance.environment["PAYMENTS_JOURNAL"] = "dynamodb"
    instance.start()
    books.check()
    pay_while_a_host_dies(books)
    proof = instance.run("verify")
    assert proof.returncode == 0, proof.stdout + proof.stderr


def pay_while_a_host_dies(books: Books) -> None:
    """Pay, kill the host of shard 0 on the way, and compare everything with what was answered."""
    before = wait_until_spread(books.instance, HOSTS)
    with BackgroundLoad(books) as load:
        load.wait_for_answers(200)
        host_process(books.instance, before[0].pid).kill()
        load.wait_for_answers(200)
    after = wait_until_spread(books.instance, HOSTS)
    assert before[0].host not in {shard.host for shard in after}
    books.check()
