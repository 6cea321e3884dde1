"""Whole instances whose journal is mirrored to DynamoDB, or in DynamoDB alone: hosts die, and the proof holds."""

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
def start(aws: EmulatedAws, new_instance: NewInstance) -> Callable[[str], Instance]:
    """Return a function that starts an instance with this journal, in a table of its own."""
    settings = aws.settings()
    create_table(settings, journal_table(settings))

    def start(journal: str) -> Instance:
        places = {name: getattr(settings, name) for name in ("aws_endpoint_url", "dynamodb_journal_table")}
        return new_instance(shards=SHARDS, shard_hosts=HOSTS, journal=journal, **places).start()

    return start


def test_a_host_dies_while_both_stores_are_written_and_a_changed_byte_in_one_of_them_is_found(
    aws: EmulatedAws, start: Callable[[str], Instance]
) -> None:
    instance = start("mirrored")
    pay_while_a_host_dies(instance)
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


def test_a_host_dies_while_dynamodb_alone_is_written(start: Callable[[str], Instance]) -> None:
    instance = start("dynamodb")
    pay_while_a_host_dies(instance)
    proof = instance.run("verify")
    assert proof.returncode == 0, proof.stdout + proof.stderr


def pay_while_a_host_dies(instance: Instance) -> None:
    """Pay, kill the host of shard 0 on the way, and compare everything with what was answered."""
    books = Books(instance)
    before = wait_until_spread(instance, HOSTS)
    with BackgroundLoad(books) as load:
        load.wait_for_answers(150)
        host_process(instance, before[0].pid).kill()
        load.wait_for_answers(150)
    after = wait_until_spread(instance, HOSTS)
    assert before[0].host not in {shard.host for shard in after}
    books.check()
