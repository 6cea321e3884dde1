"""The command line: a dry run, unless the region that is to take over is named a second time."""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy.failover.database import DATABASE
from deploy.failover.fence import FENCE
from deploy.failover.lag import LAG
from deploy.failover.landscape import BadLandscape, read_landscape
from deploy.failover.ledger import LEDGER
from deploy.failover.nodes import NODES
from deploy.failover.proof import PROOF
from deploy.failover.step import Step, StepFailed, Work
from deploy.failover.traffic import ARRIVAL, TRAFFIC

STEPS = (NODES, FENCE, TRAFFIC, LAG, DATABASE, LEDGER, PROOF, ARRIVAL)

# A region in trouble answers late or never, and every minute counts.
_CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 3})
_KUBECTL_SECONDS = 1200


def run(steps: Sequence[Step], work: Work, execute: bool) -> bool:
    """Take the steps in their order, or only say what they would do. Return False at the first that fails; all may be run again."""
    for step in steps:
        work.say(f"{step.name}:")
        try:
            todo = step.look(work)
            for sentence in todo:
                work.say(f"  {sentence}" if execute or step.only_reads else f"  would {sentence}")
            if not todo:
                work.say("  done already")
            elif execute or step.only_reads:
                step.act(work)
        except (StepFailed, BotoCoreError, ClientError) as error:
            work.say(f"  {step.name} has failed: {error}")
            if execute:
                work.say("  Nothing after it was done. Run the same again when it can go on: what is done stays done.")
                return False
    return True


def main(arguments: Sequence[str]) -> int:
    """Return 0 if all is done, or would be; 1 if a step failed; 2 if nothing was begun."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.failover", description="Moves the ledger to the other region. See README.md."
    )
    parser.add_argument("landscape", type=Path, help="what is where, such as deploy/failover/production.toml")
    parser.add_argument("--planned", action="store_true", help="both regions are well: nothing may be lost")
    parser.add_argument(
        "--old-is-gone", action="store_true", help="the old region takes no payments, although it cannot be reached"
    )
    parser.add_argument("--back", action="store_true", help="the other way round")
    parser.add_argument("--execute", metavar="REGION", help="do it; names the region that takes over")
    options = parser.parse_args(arguments)
    if options.planned and options.old_is_gone:
        parser.error("a switch can be planned only while both regions are well")
    try:
        landscape = read_landscape(options.landscape)
    except BadLandscape as error:
        print(error, file=sys.stderr)
        return 2
    landscape = landscape.turned() if options.back else landscape
    if options.execute not in (None, landscape.new.region):
        print(f"{landscape.new.region} would take over, not {options.execute}", file=sys.stderr)
        return 2
    execute = options.execute is not None
    work = Work(landscape, options.planned, options.old_is_gone, _client, _kubectl, time.sleep, print)
    print(f"{landscape.old.region} -> {landscape.new.region}, " + ("for good." if execute else "dry run: nothing is changed."))
    return 0 if run(STEPS, work, execute) else 1


def _client(service: str, region: str) -> Any:
    return boto3.client(service, region_name=region, config=_CONFIG)


def _kubectl(cluster: str, *arguments: str) -> str:
    # The contexts are named for the clusters: README.md says how they are made.
    command = ["kubectl", "--context", cluster, "--namespace", "payments", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_KUBECTL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepFailed(f"kubectl did not run on {cluster}: {error}") from error
    if done.returncode:
        raise StepFailed(f"kubectl on {cluster}: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()
