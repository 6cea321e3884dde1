"""`payments up --aws local`: AWS as the bridges need it, beside an instance that goes on without it."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import redis
from botocore.exceptions import BotoCoreError

from processor.local.local_aws import BRIDGES
from processor.local.ports import free_port
from tests.system.instance import END_SECONDS, Instance
from tests.system.ledger.waiting import wait_until

NewInstance = Callable[..., Instance]
STREAM = "payments-events"


def test_aws_is_there_starts_again_when_it_dies_and_keeps_its_data_when_the_instance_is_killed(new_instance: NewInstance) -> None:
    instance = with_aws(new_instance)
    kinesis, dynamodb = client(instance, "kinesis"), client(instance, "dynamodb")
    instance.start()
    assert "8 made, 0 were there" in instance.output
    assert f"'StreamName': '{STREAM}'" in what_the_printed_commands_show(instance)
    assert_workers_know_it(instance, kinesis.meta.endpoint_url)

    emulator = instance.child("ministack")
    assert emulator.nice() == 19
    emulator.kill()
    wait_until(lambda: has_last(dynamodb), "everything to be made again")
    assert httpx.get(f"{instance.url}/readyz").status_code == 200
    httpx.post(f"{instance.url}/v1/accounts", json={"id": "kept", "currency": "EUR"}).raise_for_status()
    wait_until(lambda: "kept" in opened_accounts(kinesis), "the event of the account in Kinesis")
    bridges = httpx.get(f"{instance.url}/v1/bridges").json()["data"]
    wait_until(lambda: all_run(instance), f"all bridges to run, unlike {bridges}")

    processes = instance.processes()
    instance.signal(signal.SIGKILL)
    assert instance.wait() == -signal.SIGKILL
    instance.start()
    assert psutil.wait_procs(processes, timeout=END_SECONDS)[1] == []
    assert "0 made, 8 were there" in instance.output
    assert "kept" in opened_accounts(kinesis)
    wait_until(lambda: all_run(instance), "all bridges to run")


def with_aws(new_instance: NewInstance) -> Instance:
    """Return an instance that does not run yet, whose user has no credentials."""
    instance = new_instance(shards=2, aws_endpoint_url=f"http://127.0.0.1:{free_port()}")
    instance.options = ("--aws", "local")
    for name in [name for name in instance.environment if name.startswith("AWS_")]:
        del instance.environment[name]
    return instance


def client(instance: Instance, service: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=instance.environment["PAYMENTS_AWS_ENDPOINT_URL"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def what_the_printed_commands_show(instance: Instance) -> str:
    (export,) = (line.split("Look:")[1] for line in instance.output.splitlines() if "Look:" in line)
    (command,) = (line for line in instance.output.splitlines() if line.strip().startswith("python -c"))
    path = f"PATH={Path(sys.executable).parent}:$PATH"
    done = subprocess.run(
        ["/bin/sh", "-c", f"{export} {path}; {command}"],
        capture_output=True,
        text=True,
        check=True,
        env=instance.environment,
    )
    return done.stdout


def assert_workers_know_it(instance: Instance, endpoint_url: str) -> None:
    (raylet,) = (process for process in instance.processes() if process.name() == "raylet")
    worker = max(raylet.children(), key=lambda process: process.create_time())
    assert worker.environ()["AWS_ACCESS_KEY_ID"] == "test"
    assert worker.environ()["PAYMENTS_AWS_ENDPOINT_URL"] == endpoint_url
    with redis.Redis.from_url(worker.environ()["PAYMENTS_REDIS_URL"]) as client:
        assert client.ping()


def has_last(dynamodb: Any) -> bool:
    """Return whether AWS is back, and what is made last of all."""
    try:
        return "payments-journal" in dynamodb.list_tables()["TableNames"]
    except BotoCoreError:
        return False


def opened_accounts(kinesis: Any) -> set[str]:
    """Return what the stream says: the ids of all accounts that were opened."""
    found = set()
    for shard in kinesis.list_shards(StreamName=STREAM)["Shards"]:
        place = {"StreamName": STREAM, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**place)["ShardIterator"]
        for record in kinesis.get_records(ShardIterator=iterator)["Records"]:
            found |= {event["subject"] for event in json.loads(record["Data"]) if event["type"] == "account.opened"}
    return found


def all_run(instance: Instance) -> bool:
    bridges = httpx.get(f"{instance.url}/v1/bridges").json()["data"]
    return {bridge["name"] for bridge in bridges} >= set(BRIDGES.split(",")) and all(
        bridge["state"] == "running" for bridge in bridges
    )
