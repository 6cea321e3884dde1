"""The old region stops writing. Two locks, because either may be out of reach: the journal's table refuses the old writers (an answer needs
both stores, so one that refuses is enough), and Ray is sent to sleep.

The ledger's own fence, the epoch, does not reach over regions: two databases that have parted do not know of each other.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from deploy.failover.landscape import Landscape, Region
from deploy.failover.step import Step, StepFailed, Work

SID = "FailedOver"
_WRITES = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PartiQL*", "dynamodb:PutItem", "dynamodb:UpdateItem"]
_PODS = "ray.io/node-type=worker"


def table_statements(work: Work, region: Region) -> list[dict[str, Any]]:
    """Return the statements of the policy on a region's table."""
    try:
        answer = work.clients("dynamodb", region.region).get_resource_policy(ResourceArn=work.landscape.table_arn(region))
    except ClientError as error:
        if error.response["Error"]["Code"] == "PolicyNotFoundException":
            return []
        raise
    statements: list[dict[str, Any]] = json.loads(answer["Policy"])["Statement"]
    return statements


def is_fenced(statements: list[dict[str, Any]]) -> bool:
    """Whether the fence is among them."""
    return any(statement.get("Sid") == SID for statement in statements)


def is_asleep(work: Work, region: Region) -> bool:
    """Whether Ray is not to run in a region."""
    return work.kubectl(region.cluster, "get", "rayservice", "payments", "-o", "jsonpath={.spec.suspend}") == "true"


class _Lock(NamedTuple):
    """One lock on the old region. `is_closed` and `close` raise what their service raises, or StepFailed."""

    what: str
    is_closed: Callable[[Work, Region], bool]
    close: Callable[[Work, Region], None]


def _locks(work: Work) -> list[_Lock]:
    table, old = work.landscape.journal_table, work.landscape.old
    asleep = _Lock(f"send Ray in {old.cluster} to sleep, and wait until its pods are gone", is_asleep, _send_to_sleep)
    if work.landscape.journal == "postgres":
        return [asleep]  # hosts that write to PostgreSQL alone would not notice the table
    refused = _Lock(f"have {table} in {old.region} refuse {old.writer_role}", _is_refused, _refuse_writers)
    # While all is well, hosts end by themselves and leave nobody waiting; after a loss the quicker lock comes first.
    return [asleep, refused] if work.planned else [refused, asleep]


def look(work: Work) -> list[str]:
    """Return the locks that are still open. Raises StepFailed if too few can be reached."""
    todo, unreachable = [], []
    for lock in _locks(work):
        try:
            if not lock.is_closed(work, work.landscape.old):
                todo.append(lock.what)
        except (BotoCoreError, ClientError, StepFailed) as error:
            unreachable.append(lock.what)
            work.say(f"  (cannot {lock.what}: {error})")
    _require(work, len(_locks(work)) - len(unreachable))
    return todo


def act(work: Work) -> None:
    """Close the locks that can be reached. Raises StepFailed if those are too few."""
    closed = 0
    for lock in _locks(work):
        try:
            lock.close(work, work.landscape.old)
            closed += 1
        except (BotoCoreError, ClientError, StepFailed) as error:
            work.say(f"  (cannot {lock.what}: {error})")
    _require(work, closed)


def _require(work: Work, locks: int) -> None:
    """Raise StepFailed if so many locks are not enough: one after a loss, all for a planned switch."""
    if work.planned and locks < len(_locks(work)):
        raise StepFailed("a planned switch needs both regions: without --planned records may be lost")
    if not locks and not work.old_is_gone:
        raise StepFailed(f"nothing says that {work.landscape.old.region} has stopped: find out, and say --old-is-gone")


def lift(work: Work, region: Region) -> None:
    """Let a region write again, which a failover has fenced before."""
    statements = table_statements(work, region)
    if not is_fenced(statements):
        return
    rest = [statement for statement in statements if statement.get("Sid") != SID]
    _put(work, region, rest)


def _is_refused(work: Work, old: Region) -> bool:
    return is_fenced(table_statements(work, old))


def _refuse_writers(work: Work, old: Region) -> None:
    statements = table_statements(work, old)
    if not is_fenced(statements):
        _put(work, old, [*statements, _fence(work.landscape, old)])


def _fence(landscape: Landscape, old: Region) -> dict[str, Any]:
    # By condition and not as the principal: that covers the role's sessions for certain, and leaves DynamoDB's own replication alone.
    return {
        "Sid": SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": _WRITES,
        "Resource": landscape.table_arn(old),
        "Condition": {"ArnEquals": {"aws:PrincipalArn": landscape.role_arn(old)}},
    }


def _put(work: Work, region: Region, statements: list[dict[str, Any]]) -> None:
    dynamodb = work.clients("dynamodb", region.region)
    arn = work.landscape.table_arn(region)
    if statements:
        dynamodb.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    else:
        dynamodb.delete_resource_policy(ResourceArn=arn)


def _send_to_sleep(work: Work, old: Region) -> None:
    if not is_asleep(work, old):
        work.kubectl(old.cluster, "patch", "rayservice", "payments", "--type=merge", '--patch={"spec": {"suspend": true}}')
    work.kubectl(old.cluster, "wait", "--for=delete", "pod", f"--selector={_PODS}", "--timeout=180s")


FENCE = Step("fence", look, act)
