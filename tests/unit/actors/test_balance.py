"""Shards spread evenly over the living hosts, whatever the table says at the start, and nobody is left without an owner."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.balance import plan
from processor.journal.interface import Host, Ownership

HOSTS = ["a", "b", "c", "d"]
ROUNDS_MAX = 12


class Table:
    """The shard map and every host's memory; hosts act one after another on what they see."""

    def __init__(self, owners: Sequence[str | None], alive: set[str], held: dict[str, set[int]]) -> None:
        self.shards = [Ownership(shard, 1, owner) for shard, owner in enumerate(owners)]
        self.hosts = [Host(host, host, 1, host in alive) for host in HOSTS]
        self.alive = sorted(alive)
        self.held = {host: held.get(host, set()) for host in self.alive}
        self.moves = 0

    def act(self, host: str) -> None:
        """Let a host do what its plan says."""
        steps = plan(host, self.hosts, self.shards, self.held[host])
        for shard in steps.release:
            self.held[host].discard(shard)
            self.shards[shard] = Ownership(shard, self.shards[shard].epoch, None)
        for ownership in steps.claim:
            assert self.shards[ownership.shard] == ownership
            self.held[host].add(ownership.shard)
            self.shards[ownership.shard] = Ownership(ownership.shard, ownership.epoch + 1, host)
        self.moves += len(steps.release) + len(steps.claim)

    def settle(self) -> None:
        """Go round until nobody has anything to do any more."""
        for _ in range(ROUNDS_MAX):
            moves = self.moves
            for host in self.alive:
                self.act(host)
            if self.moves == moves:
                return
        raise AssertionError("the hosts do not come to rest")


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Any table, with hosts that remember any part of what the table gives them: the rest was lost in a halt."""
    owners = draw(st.lists(st.sampled_from([None, *HOSTS]), min_size=1, max_size=16))
    alive = draw(st.sets(st.sampled_from(HOSTS), min_size=1))
    kept = draw(st.sets(st.integers(0, 15)))
    held: dict[str, set[int]] = {}
    for shard, owner in enumerate(owners):
        if owner in alive and shard in kept:
            held.setdefault(owner, set()).add(shard)
    return Table(owners, alive, held)


@given(tables())
@settings(max_examples=400, deadline=None)
def test_every_shard_ends_with_one_living_owner_and_shares_differ_by_at_most_one(table: Table) -> None:
    table.settle()
    counts = Counter(shard.host for shard in table.shards)
    assert None not in counts
    sizes = [counts[host] for host in table.alive]
    assert sum(sizes) == len(table.shards)
    assert max(sizes) - min(sizes) <= 1
    for host in table.alive:
        assert table.held[host] == {shard.shard for shard in table.shards if shard.host == host}


def test_a_shard_that_its_owner_has_lost_is_claimed_again_even_above_its_share() -> None:
    """The table gives `a` three of four shards, of which it holds two: nobody else may take the third."""
    table = Table(["a", "a", "b", "a"], {"a", "b"}, {"a": {0, 1}, "b": {2}})
    table.settle()
    assert Counter(shard.host for shard in table.shards) == {"a": 2, "b": 2}


def test_a_balanced_table_is_left_alone() -> None:
    table = Table(["b", "a", "b", "a", "b"], {"a", "b"}, {"a": {1, 3}, "b": {0, 2, 4}})
    table.settle()
    assert table.moves == 0


def test_a_new_host_gets_its_share_and_no_more_moves_than_that() -> None:
    table = Table(["a"] * 3 + ["b"] * 3, {"a", "b", "c"}, {"a": {0, 1, 2}, "b": {3, 4, 5}})
    table.settle()
    assert Counter(shard.host for shard in table.shards) == {"a": 2, "b": 2, "c": 2}
    assert table.moves == 4


def test_a_dead_host_s_shards_are_shared_by_the_others() -> None:
    table = Table(["a", "a", "b", "c", "c", "c"], {"b", "c"}, {"b": {2}, "c": {3, 4, 5}})
    table.settle()
    assert Counter(shard.host for shard in table.shards) == {"b": 3, "c": 3}


def test_a_host_that_leaves_gives_everything_up() -> None:
    hosts = [Host("a", "a", 1, False), Host("b", "b", 1, True)]
    shards = [Ownership(0, 1, "a"), Ownership(1, 1, "b")]
    assert plan("a", hosts, shards, {0}) == ([0], [])
