"""Two regions as far as the failover touches them. Calls pass botocore's own check of parameters, and then change this state."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError, EndpointConnectionError

from deploy.failover.landscape import Landscape
from deploy.failover.step import StepFailed


class World:
    """What AWS and Kubernetes would answer. `changes`: what was changed, in order. `lagging`: looks after which the copy of the table is
    level; None: never. `gone`: a region that answers nothing."""

    def __init__(self, landscape: Landscape, gone: str | None = None, lagging: int | None = 0) -> None:
        self._landscape = landscape
        self.gone = gone
        self.lagging = lagging
        self.changes: list[str] = []
        self.policies: dict[str, dict[str, Any]] = {}
        self.writer = landscape.old.region
        self.asleep = {landscape.old.cluster: False, landscape.new.cluster: True}
        self.is_withdrawn = False
        self.nodes = {**dict.fromkeys(landscape.old.nodes, 2), **dict.fromkeys(landscape.new.nodes, 1)}
        self.journal: dict[str, str] = {}
        self.is_true = True
        self.pauses = 0
        self._promoting = 0
        self._withdrawing: bool | None = None

    def can_write(self, region: str) -> bool:
        """Whether payments can still be answered there: Ray runs, its role is not refused, and the region exists."""
        side = next(side for side in (self._landscape.old, self._landscape.new) if side.region == region)
        refused = any(
            statement["Effect"] == "Deny"
            and "dynamodb:PutItem" in statement["Action"]
            and statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": self._landscape.role_arn(side)}}
            for statement in self.policies.get(region, {}).get("Statement", [])
        )
        return region != self.gone and not self.asleep[side.cluster] and not refused

    def client(self, service: str, region: str) -> Any:
        """Return a real client whose calls end here."""
        client, owner = _client(service, region)
        owner["world"] = self
        return client

    def answer(self, service: str, region: str, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """Answer a call whose parameters botocore has found right."""
        if region == self.gone:
            raise EndpointConnectionError(endpoint_url=f"https://{service}.{region}.amazonaws.com")
        answer: dict[str, Any] = getattr(self, f"_{xform_name(operation)}")(region, given)
        return answer

    def kubectl(self, cluster: str, *arguments: str) -> str:
        """Answer as kubectl would."""
        self._require_reachable(cluster)
        match arguments:
            case ("get", "rayservice", "payments", "-o", "jsonpath={.spec.suspend}"):
                return "true" if self.asleep[cluster] else ""
            case ("get", "rayservice", "payments", "-o", "json"):
                return json.dumps(self._ray_service(cluster))
            case ("patch", "rayservice", "payments", "--type=merge", '--patch={"spec": {"suspend": true}}'):
                self.asleep[cluster] = True
                self.changes.append(f"{cluster} asleep")
            case ("patch", "rayservice", "payments", "--type=json", patch):
                self._patch(cluster, json.loads(patch.removeprefix("--patch=")))
            case ("wait", *_):
                return ""
            case ("get", "pods", *_):
                return "pod/payments-api-1"
            case ("exec", "pod/payments-api-1", "--", "payments", command):
                if command == "verify" and not self.is_true:
                    raise StepFailed("the proof does not hold: 1 problems")
                return f"output of {command}"
            case _:
                raise AssertionError(f"kubectl was not expected to be asked {arguments}")
        return ""

    def pause(self, seconds: float) -> None:
        """Let time pass: copies follow, promotions end."""
        self.pauses += 1
        if self.lagging:
            self.lagging -= 1
        if self._withdrawing is not None:
            self.is_withdrawn, self._withdrawing = self._withdrawing, None
        if self._promoting:
            self._promoting -= 1
            if not self._promoting:
                self.writer = self._landscape.new.region

    def _patch(self, cluster: str, changes: list[dict[str, Any]]) -> None:
        for change in changes:
            if change["path"].endswith("/suspend"):
                assert not self.can_write(self._other(cluster)), "two regions would write"
                self.asleep[cluster] = change["value"]
                self.changes.append(f"{cluster} awake")
            else:
                self.journal[cluster] = change["value"]["value"]

    def _ray_service(self, cluster: str) -> dict[str, Any]:
        container: dict[str, Any] = {
            "name": "ray-worker",
            "envFrom": [{"configMapRef": {"name": "payments-settings"}}],
            "env": [{"name": "HOME"}],
        }
        if cluster in self.journal:
            container["env"].append({"name": "PAYMENTS_JOURNAL", "value": self.journal[cluster]})
        pod = {"template": {"spec": {"initContainers": [container], "containers": [container, {"name": "agent"}]}}}
        return {"spec": {"suspend": self.asleep[cluster], "rayClusterConfig": {"workerGroupSpecs": [pod]}}}

    def _require_reachable(self, cluster: str) -> None:
        if self.gone and cluster == self._cluster_of(self.gone):
            raise StepFailed(f"{cluster} does not answer")

    def _cluster_of(self, region: str) -> str:
        return next(side.cluster for side in (self._landscape.old, self._landscape.new) if side.region == region)

    def _other(self, cluster: str) -> str:
        return next(side.region for side in (self._landscape.old, self._landscape.new) if side.cluster != cluster)

    def _describe_nodegroup(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        return {"nodegroup": {"scalingConfig": {"desiredSize": self.nodes[given["nodegroupName"]]}}}

    def _update_nodegroup_config(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        self.nodes[given["nodegroupName"]] = given["scalingConfig"]["desiredSize"]
        self.changes.append(f"nodes of {given['clusterName']}")
        return {}

    def _get_resource_policy(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        if region not in self.policies:
            raise ClientError({"Error": {"Code": "PolicyNotFoundException", "Message": "none"}}, "GetResourcePolicy")
        return {"Policy": json.dumps(self.policies[region])}

    def _put_resource_policy(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        assert f":{region}:" in given["ResourceArn"]
        self.policies[region] = json.loads(given["Policy"])
        self.changes.append(f"policy in {region}")
        return {}

    def _delete_resource_policy(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        del self.policies[region]
        self.changes.append(f"no policy in {region}")
        return {}

    def _batch_get_item(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        [(table, asked)] = given["RequestItems"].items()
        behind = region == self._landscape.new.region and self.lagging != 0
        items = [{"pk": key["pk"], "sequence": {"N": "99" if behind else "100"}} for key in asked["Keys"]]
        return {"Responses": {table: items}, "UnprocessedKeys": {}}

    def _get_metric_data(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        assert given["ScanBy"] == "TimestampDescending"
        [query] = given["MetricDataQueries"]
        times = [datetime(2026, 1, 1, 12, minute, tzinfo=UTC) for minute in (1, 0)]
        return {"MetricDataResults": [{"Id": query["Id"], "Timestamps": times, "Values": [1500.0, 9000.0]}]}

    def _describe_global_clusters(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        sides = (self._landscape.old, self._landscape.new)
        members = [{"DBClusterArn": self._landscape.database_arn(side), "IsWriter": side.region == self.writer} for side in sides]
        return {"GlobalClusters": [{"GlobalClusterMembers": members}]}

    def _describe_db_clusters(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        return {"DBClusters": [{"Status": "available"}]}

    def _switchover_global_cluster(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        return self._promote("switched over", given)

    def _failover_global_cluster(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        assert given["AllowDataLoss"]
        return self._promote("failed over", given)

    def _promote(self, how: str, given: dict[str, Any]) -> dict[str, Any]:
        assert given["TargetDbClusterIdentifier"] == self._landscape.database_arn(self._landscape.new)
        assert not self.can_write(self._landscape.old.region), "two regions would write"
        self.changes.append(f"database {how}")
        self._promoting = 3
        return {}

    def _describe_alarms(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        assert (region, given["AlarmNames"]) == (self._landscape.switch.region, [self._landscape.switch.alarm])
        return {"MetricAlarms": [{"StateValue": "ALARM" if self.is_withdrawn else "OK"}]}

    def _put_metric_data(self, region: str, given: dict[str, Any]) -> dict[str, Any]:
        [figure] = given["MetricData"]
        assert (region, given["Namespace"], figure["MetricName"]) == (
            self._landscape.switch.region,
            "payments/failover",
            "primary_withdrawn",
        )
        assert figure["Dimensions"] == [{"Name": "Name", "Value": self._landscape.switch.name}]
        self._withdrawing = bool(figure["Value"])
        self.changes.append("requests elsewhere")
        return {}


class _Ok:
    status_code = 200


@cache
def _client(service: str, region: str) -> tuple[Any, dict[str, World]]:
    """Return a client, and where the world is put that answers it: clients take long to make."""
    client = boto3.client(service, region_name=region, aws_access_key_id="test", aws_secret_access_key="test")
    owner: dict[str, World] = {}
    given: dict[str, Any] = {}

    def remember(params: dict[str, Any], **_: Any) -> None:
        given.clear()
        given.update(params)

    def answer(model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        return _Ok(), owner["world"].answer(service, region, model.name, given)

    client.meta.events.register("before-parameter-build", remember)
    client.meta.events.register("before-call", answer)
    return client, owner
