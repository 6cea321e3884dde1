"""What rules and dashboards read is exported by a running instance, under these very names."""

from tests.infra.monitoring.dashboards import dashboards, expressions
from tests.infra.monitoring.expressions import metrics_of
from tests.infra.monitoring.rule_files import rules
from tests.system.instance import Instance
from tests.system.ledger.background_load import BackgroundLoad
from tests.system.ledger.books import Books
from tests.system.ledger.test_metrics import Samples, api_samples, ray_samples
from tests.system.ledger.waiting import wait_until

ONLY_WITH = {
    "payments_bridge_": "bridges in the settings",
    "ray_payments_redis_": "Redis in the settings",
    "payments_journal_mirror_": "a mirrored journal",
    "payments_webhook_": "the first webhook",
}
"""What this instance does not have, or only after another test."""


def test_every_series_of_rules_and_dashboards_is_exported(ledger: Instance, books: Books) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = [rule["expr"] for rule in rules()]
    asked += [text for dashboard in dashboards().values() for text in expressions(dashboard)]
    read = {name for text in asked for name in metrics_of(text)} - recorded - {"ALERTS"}
    expected = {name for name in read if not name.startswith(tuple(ONLY_WITH))}
    assert len(expected) > 40

    def missing() -> set[str]:
        return expected - names(api_samples(ledger)) - names(ray_samples(ledger))

    with BackgroundLoad(books):
        wait_until(lambda: not missing(), "everything that is read to be exported")


def names(samples: Samples) -> set[str]:
    return {name for name, _, _ in samples}
