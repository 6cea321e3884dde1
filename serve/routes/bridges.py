"""The bridges, which carry events elsewhere: how each is doing."""

from processor.bridges.status import BridgeStatus
from processor.wire_values import rfc3339
from serve.bodies.operations import BridgeBody, BridgesBody, BridgeShardBody
from serve.routes.route import Route
from serve.wire.answer import Answer, encode_json
from serve.wire.request import Request


async def read_bridges(request: Request) -> Answer:
    """Read how every bridge is doing, and how far it is behind the journal."""
    return Answer(200, encode_json(BridgesBody([_body(bridge) for bridge in await request.ledger.reads.bridges()])))


def _body(bridge: BridgeStatus) -> BridgeBody:
    return BridgeBody(
        bridge.name, bridge.state, bridge.problem, bridge.epoch, bridge.lag_records,
        round(bridge.lag_seconds, 3) if bridge.lag_seconds is not None else None,
        bridge.published, bridge.rejected, bridge.retries, bridge.dead_letters, bridge.figures,
        rfc3339(bridge.updated_at) if bridge.updated_at is not None else None,
        [BridgeShardBody(shard.shard, shard.position, shard.head, shard.lag_records) for shard in bridge.shards],
    )  # fmt: skip


ROUTES = (
    Route(
        "GET", "/v1/bridges", read_bridges, "List the bridges", "Events", {200: BridgesBody},
        "What carries events elsewhere: Kinesis, SNS, S3, DynamoDB, Redis, webhooks. Each follows the journal on its own; none of them "
        "holds up payments. `payments bridges` shows the same.",
        None, (), ("invalid_parameter", "reads_unavailable"),
    ),
)  # fmt: skip
