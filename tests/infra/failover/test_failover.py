"""The failover's steps on two emulated regions: never two writers, nothing promoted before its time, and all of it may be repeated."""

from pathlib import Path

import msgspec
import pytest

from deploy.failover.command import STEPS, main, run
from deploy.failover.fence import FENCE
from deploy.failover.landscape import BadLandscape, Landscape, read_landscape
from deploy.failover.ledger import waking
from deploy.failover.step import Step, Work
from tests.infra.failover.world import World

FILE = Path("deploy/failover/production.toml")
LANDSCAPE = read_landscape(FILE)
OLD, NEW = LANDSCAPE.old.region, LANDSCAPE.new.region


class Failover:
    """One call of the command on a world."""

    def __init__(self, world: World, landscape: Landscape = LANDSCAPE, planned: bool = False, old_is_gone: bool = False) -> None:
        self.said: list[str] = []
        self._work = Work(landscape, planned, old_is_gone, world.client, world.kubectl, world.pause, self.said.append)

    def run(self, execute: bool = True, steps: tuple[Step, ...] = STEPS) -> bool:
        return run(steps, self._work, execute)


def test_a_lost_region_is_replaced_in_order() -> None:
    world = World(LANDSCAPE, lagging=None)
    assert Failover(world).run()
    # Only one of each kind, so that the order is what is compared.
    order = list(dict.fromkeys(world.changes))
    assert order == [
        "nodes of payments-standby", f"policy in {OLD}", "payments-production asleep", "requests elsewhere", "database failed over",
        "payments-standby awake",
    ]  # fmt: skip
    assert world.writer == NEW and world.can_write(NEW) and not world.can_write(OLD)
    assert world.is_withdrawn
    # The copy of the table may have half of an append: it is not gone on with.
    assert world.journal == {"payments-standby": "postgres"}


def test_what_is_done_stays_done() -> None:
    world = World(LANDSCAPE)
    assert Failover(world).run()
    world.changes.clear()
    again = Failover(world)
    assert again.run()
    assert world.changes == []
    assert again.said.count("  done already") == 6  # all but the measurement and the proof


def test_a_dry_run_changes_nothing_and_names_every_step() -> None:
    world = World(LANDSCAPE)
    failover = Failover(world)
    assert failover.run(execute=False)
    assert world.changes == [] and world.writer == OLD
    assert [line for line in failover.said if line.endswith(":")] == [f"{step.name}:" for step in STEPS]
    assert sum("would" in line for line in failover.said) >= len(STEPS) - 1


def test_silence_is_not_taken_for_an_end() -> None:
    world = World(LANDSCAPE, gone=OLD)
    failover = Failover(world)
    assert not failover.run()
    assert world.writer == OLD and "database failed over" not in world.changes
    assert any("--old-is-gone" in line for line in failover.said)
    assert Failover(world, old_is_gone=True).run()
    assert world.writer == NEW


def test_one_lock_is_enough_after_a_loss() -> None:
    world = World(LANDSCAPE)
    world.kubectl = _without_old_cluster(world)  # type: ignore[method-assign]
    assert Failover(world).run()
    assert not world.asleep[LANDSCAPE.old.cluster] and not world.can_write(OLD)


def test_a_planned_switch_waits_for_the_copy_and_keeps_the_mirror() -> None:
    world = World(LANDSCAPE, lagging=3)
    failover = Failover(world, planned=True)
    assert failover.run()
    assert any("1.5 s behind at 12:01" in line for line in failover.said)
    assert world.changes.index("payments-production asleep") < world.changes.index(f"policy in {OLD}")
    assert "database switched over" in world.changes
    assert world.journal == {"payments-standby": "mirrored"}


def test_a_planned_switch_loses_nothing() -> None:
    never_level = World(LANDSCAPE, lagging=None)
    failover = Failover(never_level, planned=True)
    assert not failover.run()
    assert never_level.writer == OLD and any("0:100-100" in line for line in failover.said)
    unreachable = World(LANDSCAPE, gone=OLD)
    assert not Failover(unreachable, planned=True).run()
    assert unreachable.writer == OLD


def test_the_way_back() -> None:
    there = World(LANDSCAPE)
    assert Failover(there, planned=True).run()
    back = World(LANDSCAPE.turned())
    back.policies, back.asleep, back.is_withdrawn, back.nodes = there.policies, there.asleep, there.is_withdrawn, there.nodes
    assert Failover(back, LANDSCAPE.turned(), planned=True).run()
    assert back.can_write(OLD) and not back.can_write(NEW)
    assert not back.is_withdrawn


def test_a_proof_that_does_not_hold_is_a_failure() -> None:
    world = World(LANDSCAPE)
    world.is_true = False
    assert not Failover(world).run()


def test_without_the_fence_two_regions_would_write() -> None:
    """The emulated regions notice what the steps are there to prevent."""
    with pytest.raises(AssertionError, match="two regions would write"):
        Failover(World(LANDSCAPE)).run(steps=tuple(step for step in STEPS if step is not FENCE))


def test_the_table_is_no_lock_on_a_ledger_that_does_not_write_to_it() -> None:
    world = World(LANDSCAPE)
    world.kubectl = _without_old_cluster(world)  # type: ignore[method-assign]
    failover = Failover(world, msgspec.structs.replace(LANDSCAPE, journal="postgres"))
    assert not failover.run()
    assert world.writer == OLD and world.policies == {}


def test_a_fence_for_another_role_is_none() -> None:
    other = msgspec.structs.replace(LANDSCAPE, old=msgspec.structs.replace(LANDSCAPE.old, writer_role="payments-api"))
    world = World(LANDSCAPE)
    world.kubectl = _without_old_cluster(world)  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="two regions would write"):
        Failover(world, other).run()


def test_foreign_statements_of_the_table_stay() -> None:
    world = World(LANDSCAPE)
    foreign = {"Sid": "Reader", "Effect": "Allow", "Action": ["dynamodb:GetItem"], "Condition": {}}
    world.policies[OLD] = {"Version": "2012-10-17", "Statement": [foreign]}
    assert Failover(world).run()
    assert [statement["Sid"] for statement in world.policies[OLD]["Statement"]] == ["Reader", "FailedOver"]


@pytest.mark.parametrize("variables", [None, [], [{"name": "PAYMENTS_JOURNAL", "value": "dynamodb"}]])
def test_the_journal_is_named_once(variables: list[dict[str, str]] | None) -> None:
    container = {"envFrom": [{}]} | ({} if variables is None else {"env": variables})
    group = {"template": {"spec": {"containers": [container]}}}
    changes = waking({"spec": {"rayClusterConfig": {"workerGroupSpecs": [group]}}}, "postgres")
    assert len(changes) == 1
    assert "PAYMENTS_JOURNAL" in str(changes[0]["value"]) and "postgres" in str(changes[0]["value"])


def test_the_region_is_named_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(FILE), "--execute", OLD]) == 2
    assert f"{NEW} would take over" in capsys.readouterr().err


def test_a_landscape_without_a_name_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text(FILE.read_text().replace("global_cluster", "global_clusters"))
    with pytest.raises(BadLandscape, match="global_cluster"):
        read_landscape(broken)


def _without_old_cluster(world: World):  # type: ignore[no-untyped-def]
    whole, seen = world.kubectl, World(LANDSCAPE, gone=OLD).kubectl

    def kubectl(cluster: str, *arguments: str) -> str:
        return (seen if cluster == LANDSCAPE.old.cluster else whole)(cluster, *arguments)

    return kubectl
