"""More and fewer shard hosts and API replicas while payments come in: shards and connections move, money stays right."""

from processor.local.serve_api import ServeApi
from processor.local.serve_config import API
from tests.system.instance import Instance
from tests.system.ledger.api import get
from tests.system.ledger.background_load import BackgroundLoad
from tests.system.ledger.books import Books
from tests.system.ledger.conftest import SHARD_HOSTS
from tests.system.ledger.hosts import wait_until_spread
from tests.system.ledger.waiting import wait_until


def scale(instance: Instance, *options: str) -> None:
    """Ask for other numbers of replicas, as an operator does."""
    done = instance.run("scale", *options)
    assert done.returncode == 0, done.stderr


def answering_processes(instance: Instance) -> set[str]:
    """Return the API processes that new connections lead to, by the part of Request-Id that is their own."""
    answers = [get(f"{instance.url}/healthz") for _ in range(20)]
    return {answer.headers["Request-Id"][:-8] for answer in answers}


def api_replicas(instance: Instance) -> list[str]:
    """Return the states of all API replicas, also of those that are going."""
    application = ServeApi((instance.data_folder / "dashboard_url").read_text()).application()
    assert application is not None
    return [replica["state"] for replica in application["deployments"][API]["replicas"]]


def test_shards_move_to_new_hosts_and_back_under_load(ledger: Instance, books: Books, fault_round: int) -> None:
    with BackgroundLoad(books) as load:
        for hosts in (1, 3, 1, SHARD_HOSTS):
            scale(ledger, "--shard-hosts", str(hosts))
            wait_until_spread(ledger, hosts)
            load.wait_for_answers(200)
    books.check()


def test_api_replicas_come_and_go_under_load(ledger: Instance, books: Books, fault_round: int) -> None:
    with BackgroundLoad(books) as load:
        for replicas in (2, 1):
            scale(ledger, "--api-replicas", str(replicas))
            wait_until(lambda: api_replicas(ledger) == ["RUNNING"] * replicas, f"{replicas} API replicas")  # noqa: B023
            wait_until(lambda: len(answering_processes(ledger)) == replicas, f"{replicas} processes that answer")  # noqa: B023
            load.wait_for_answers(200)
    books.check()
