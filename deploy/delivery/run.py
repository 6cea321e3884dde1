"""One step of a rollout, as deploy/delivery/rollout.yml calls it: rollout, canary, smoke or clean-up.

What it needs to know comes by variables: OVERLAY and STOP_ALARM of the project (terraform/modules/rollout), CANARY_MINUTES of the
pipeline, and the folder of the artifact `image`, with its image.json. The kubeconfig is there already.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import boto3

from deploy.delivery.rollouts.cloudwatch import CloudWatch
from deploy.delivery.rollouts.kubectl import Kubectl, KubectlFailed
from deploy.delivery.rollouts.manifests import CANARY, BadManifest, image_for, rendered
from deploy.delivery.rollouts.smoke import SmokeFailed, check, forwarded
from deploy.delivery.rollouts.steps import Stopped, Times, roll_out, try_canary

STEPS = ("rollout", "canary", "smoke", "clean-up")


def main(step: str, environment: Mapping[str, str]) -> int:
    """Do one step. Returns the exit code."""
    if step not in STEPS:
        print(f"{step!r} is no step: name one of {', '.join(STEPS)}", file=sys.stderr)
        return 2
    try:
        _do(step, environment)
    except (Stopped, SmokeFailed, BadManifest, KubectlFailed) as error:
        print(f"{step} failed: {error}", file=sys.stderr)
        return 1
    except KeyError as error:
        print(f"{step} cannot begin: the variable {error} is not set", file=sys.stderr)
        return 2
    return 0


def _do(step: str, environment: Mapping[str, str]) -> None:
    cluster = Kubectl()
    if step == "clean-up":
        cluster.delete("rayservice", CANARY)
        return
    made = json.loads((Path(environment["CODEBUILD_SRC_DIR_image"]) / "image.json").read_text())
    if step == "smoke":
        with forwarded() as url:
            check(url, made["commit"])
        return
    image = image_for(made["image"], environment["AWS_REGION"])
    documents = rendered(environment["OVERLAY"], image)
    watch = CloudWatch(boto3.client("cloudwatch"), environment["STOP_ALARM"])
    act = try_canary if step == "canary" else roll_out
    act(
        cluster,
        watch,
        documents,
        image,
        Times(canary_minutes=float(environment["CANARY_MINUTES"])),
        lambda text: print(text, flush=True),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "", os.environ))
