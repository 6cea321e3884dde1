"""Shard hosts killed with SIGKILL while payments are held, captured, voided, expire and are refunded."""

from tests.system.instance import Instance
from tests.system.ledger.books import Books
from tests.system.ledger.conftest import SHARD_HOSTS
from tests.system.ledger.hosts import host_process, owned_shards, wait_until_spread
from tests.system.ledger.life_books import LifeBooks
from tests.system.ledger.life_load import LifeLoad

ANSWERS = 400


def kill_hosts(ledger: Instance, count: int) -> set[str]:
    """Kill so many shard hosts, and return their names."""
    pids = {shard.host: shard.pid for shard in owned_shards(ledger)}
    assert len(pids) == SHARD_HOSTS
    victims = dict(list(pids.items())[:count])
    for pid in victims.values():
        host_process(ledger, pid).kill()
    return set(victims)


def live_through_a_kill(ledger: Instance, books: Books, hosts: int) -> None:
    """Assert that nothing is lost or repeated when so many hosts die."""
    lives = LifeBooks(books)
    with LifeLoad(lives) as load:
        load.wait_for_answers(ANSWERS)
        killed = kill_hosts(ledger, hosts)
        load.wait_for_answers(ANSWERS)
    assert not killed & {shard.host for shard in wait_until_spread(ledger, SHARD_HOSTS)}
    lives.check()
    assert min(lives.operations[verb] for verb in ("capture", "void", "refunds", "reversal")) > 10, lives.operations


def test_a_killed_host_loses_and_repeats_no_capture_void_expiry_or_refund(
    ledger: Instance, books: Books, fault_round: int
) -> None:
    live_through_a_kill(ledger, books, 1)


def test_two_killed_hosts_lose_and_repeat_no_capture_void_expiry_or_refund(
    ledger: Instance, books: Books, fault_round: int
) -> None:
    live_through_a_kill(ledger, books, 2)
