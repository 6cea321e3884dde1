"""The failover's steps on an emulated AWS: the journal's own table, a policy on it, and the switch as Terraform makes it."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from deploy.failover.fence import FENCE, is_fenced, lift, table_statements
from deploy.failover.lag import LAG
from deploy.failover.landscape import Landscape
from deploy.failover.step import StepFailed, Work
from deploy.failover.traffic import ARRIVAL, TRAFFIC
from tests.aws import EmulatedAws
from tests.contract.dynamodb_ledger import DynamoDbLedger
from tests.contract.ledgers import SHARDS
from tests.contract.writing import take, write
from tests.infra.failover.test_failover import LANDSCAPE

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ledger(aws: EmulatedAws, anyio_backend: str) -> AsyncIterator[DynamoDbLedger]:
    ledger = DynamoDbLedger(aws.settings())
    yield ledger
    await ledger.close()


def work_on(aws: EmulatedAws, landscape: Landscape) -> tuple[Work, list[str]]:
    """Return what steps work with on the emulator, which has one region for all, and what they say."""
    said: list[str] = []

    def clients(service: str, region: str) -> Any:
        return aws.client(service)

    def kubectl(cluster: str, *arguments: str) -> str:
        raise StepFailed("there is no cluster")

    return Work(landscape, False, False, clients, kubectl, lambda seconds: None, said.append), said


async def test_heads_are_those_of_the_journal(aws: EmulatedAws, ledger: DynamoDbLedger) -> None:
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    head = await take(journal, shard_map, 1)
    await write(journal, head, 2)
    work, said = work_on(aws, msgspec.structs.replace(LANDSCAPE, journal_table=ledger.table, shards=SHARDS))
    LAG.act(work)
    newest = {shard: (await journal.head(shard)).sequence for shard in range(SHARDS)}
    assert newest[1] >= 3
    assert said[-1].endswith(": " + " ".join(f"{shard}:{sequence}" for shard, sequence in newest.items()))


async def test_another_table_is_not_taken_for_the_journal(aws: EmulatedAws, ledger: DynamoDbLedger) -> None:
    work, _ = work_on(aws, msgspec.structs.replace(LANDSCAPE, journal_table=ledger.table, shards=SHARDS))
    with pytest.raises(StepFailed, match="is it the journal's table"):
        LAG.act(work)


async def test_the_fence_is_put_up_and_lifted(aws: EmulatedAws, ledger: DynamoDbLedger) -> None:
    region = aws.client("dynamodb").meta.region_name
    account = aws.client("sts").get_caller_identity()["Account"]
    old = msgspec.structs.replace(LANDSCAPE.old, region=region)
    work, _ = work_on(aws, msgspec.structs.replace(LANDSCAPE, account_id=account, journal_table=ledger.table, old=old))
    assert len(FENCE.look(work)) == 1
    FENCE.act(work)
    [statement] = table_statements(work, old)
    assert is_fenced([statement]) and statement["Condition"]["ArnEquals"]["aws:PrincipalArn"] == work.landscape.role_arn(old)
    assert FENCE.look(work) == []
    lift(work, old)
    assert table_statements(work, old) == []


async def test_the_switch_is_followed_there_and_back(aws: EmulatedAws) -> None:
    switch = LANDSCAPE.switch
    # As terraform/modules/edge/failover.tf makes it.
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=switch.alarm,
        Namespace="payments/failover",
        MetricName="primary_withdrawn",
        Dimensions=[{"Name": "Name", "Value": switch.name}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=1,
        TreatMissingData="ignore",
    )
    there, _ = work_on(aws, LANDSCAPE)
    assert TRAFFIC.look(there)
    TRAFFIC.act(there)
    ARRIVAL.act(there)
    assert not TRAFFIC.look(there)
    back, _ = work_on(aws, LANDSCAPE.turned())
    assert TRAFFIC.look(back)


async def test_a_switch_that_nobody_has_made_is_not_turned(aws: EmulatedAws) -> None:
    switch = msgspec.structs.replace(LANDSCAPE.switch, alarm="another")
    work, _ = work_on(aws, msgspec.structs.replace(LANDSCAPE, switch=switch))
    with pytest.raises(StepFailed, match="there is no alarm another"):
        TRAFFIC.look(work)
