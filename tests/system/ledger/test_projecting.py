"""The process that projects, in a running instance: it keeps up, minds a rebuild beside it, and is replaced when it dies."""

import psutil

from tests.system.instance import Instance
from tests.system.ledger.api import Api
from tests.system.ledger.waiting import wait_until


def is_up_to_date(instance: Instance) -> bool:
    """Return whether the command line says that no shard's projections are behind."""
    done = instance.run("projections", "status")
    assert done.returncode == 0, done.stderr
    heading, *lines = done.stdout.splitlines()
    assert heading.split()[:3] == ["shard", "position", "head"]
    return {line.split()[3] for line in lines} == {"0"}


def projecting_process(instance: Instance) -> psutil.Process:
    """Return the process that projects."""
    (found,) = (process for process in instance.processes() if "payments:Projections" in " ".join(process.cmdline()))
    return found


def test_payments_reach_the_projections(ledger: Instance, api: Api) -> None:
    api.fund("projected", 10)
    wait_until(lambda: is_up_to_date(ledger), "projections that are up to date")


def test_a_rebuild_beside_a_running_instance_leaves_it_projecting(ledger: Instance, api: Api) -> None:
    api.fund("before", 10)
    done = ledger.run("projections", "rebuild")
    assert (done.returncode, done.stdout) == (0, "The projections have been built anew.\n"), done.stderr
    api.fund("after", 10)
    wait_until(lambda: is_up_to_date(ledger), "projections that are up to date")


def test_projections_go_on_after_their_process_has_died(ledger: Instance, api: Api) -> None:
    process = projecting_process(ledger)
    process.kill()
    process.wait()
    api.fund("meanwhile", 10)
    wait_until(lambda: is_up_to_date(ledger), "projections that are up to date")
    assert projecting_process(ledger).pid != process.pid
