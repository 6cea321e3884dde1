"""What operators see of a running instance: at the API's /metrics, and complete in what Ray exports for Prometheus."""

import json
from collections.abc import Callable

import httpx
from prometheus_client.parser import text_string_to_metric_families

from processor.local.data_folder import DataFolder
from processor.local.serve_config import API, SHARD_HOSTS
from tests.system.instance import Instance
from tests.system.ledger.api import Api, get
from tests.system.ledger.background_load import BackgroundLoad
from tests.system.ledger.books import Books
from tests.system.ledger.hosts import owned_shards
from tests.system.ledger.waiting import wait_until

Labels = dict[str, str]
Samples = list[tuple[str, Labels, float]]
PAYMENTS = 20


def samples_of(text: str) -> Samples:
    families = text_string_to_metric_families(text)
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


def api_samples(instance: Instance) -> Samples:
    return samples_of(get(f"{instance.url}/metrics").text)


def ray_samples(instance: Instance) -> Samples:
    """Return what Ray exports, from all the addresses that Ray lists for Prometheus."""
    listed = DataFolder(instance.data_folder).ray_files / "ray" / "prom_metrics_service_discovery.json"
    targets = json.loads(listed.read_text())[0]["targets"] if listed.exists() else []
    return [sample for target in targets for sample in samples_of(httpx.get(f"http://{target}/metrics", timeout=30).text)]


def values(samples: Samples, name: str, **labels: str) -> list[float]:
    """Return the values of all samples with this name and at least these labels."""
    return [value for found, has, value in samples if found == name and labels.items() <= has.items()]


def total(samples: Samples, name: str, **labels: str) -> float:
    return sum(values(samples, name, **labels))


def until(read: Callable[[], Samples], is_seen: Callable[[Samples], bool], what: str) -> None:
    """Return once what is read shows it."""
    wait_until(lambda: is_seen(read()), what)


def test_every_shard_and_host_has_its_figures(ledger: Instance, api: Api) -> None:
    api.fund("payer", PAYMENTS)
    api.open("payee")
    before = api_samples(ledger)
    for number in range(PAYMENTS):
        assert api.pay(str(number), "payer", "payee", 1).status_code == 201
    after = api_samples(ledger)
    for name in ("payments_shard_events_total", "payments_host_messages_total", "payments_host_append_seconds_count"):
        assert total(after, name) >= total(before, name) + PAYMENTS
    assert total(after, "payments_host_turn_messages_sum") == total(after, "payments_host_messages_total")
    assert total(after, "payments_shard_appended_bytes_total") > total(before, "payments_shard_appended_bytes_total")
    for shard in owned_shards(ledger):
        labels = {"shard": str(shard.shard), "host": shard.host}
        assert values(after, "payments_shard_epoch", **labels) == [shard.epoch]
        assert values(after, "payments_shard_served", **labels) == [1]


def test_ray_exports_the_figures_of_every_shard_host_and_replica(ledger: Instance, books: Books) -> None:
    shards = owned_shards(ledger)

    def is_complete(samples: Samples) -> bool:
        return all(
            total(samples, "ray_payments_shard_events_total", shard=str(shard.shard), host=shard.host)
            and total(samples, "ray_payments_host_append_seconds_bucket", le="+Inf", host=shard.host)
            for shard in shards
        ) and all(
            replica and total(samples, "ray_payments_api_call_messages_sum", replica=replica)
            for replica in {labels.get("replica") for name, labels, _ in samples if name == "ray_payments_http_requests_total"}
            or {""}
        )

    with BackgroundLoad(books):
        until(lambda: ray_samples(ledger), is_complete, "Ray to export our figures")


def test_serve_shows_the_load_of_replicas_whose_requests_it_never_sees(ledger: Instance, books: Books) -> None:
    def shows_load(samples: Samples) -> bool:
        answered = [
            total(samples, "ray_serve_deployment_request_counter_total", deployment=deployment, application="payments")
            for deployment in (API, SHARD_HOSTS)
        ]
        return all(answered) and total(samples, "ray_serve_replica_processing_queries", deployment=API) > 0

    with BackgroundLoad(books):
        until(lambda: ray_samples(ledger), shows_load, "Serve's own series to show our requests")
