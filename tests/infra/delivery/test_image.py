"""The image is built once for each commit, and named by its digest. Scripts stand in for aws and docker."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from deploy.delivery.rollouts.manifests import image_for
from tests.infra.delivery.buildspecs import FOLDER

REPOSITORY = "000000000003.dkr.ecr.eu-central-1.amazonaws.com/payments"
DIGEST = "sha256:" + "d" * 64
AWS = """#!/bin/sh
case "$2" in
  describe-images) [ -f known ] && echo "{digest}" || {{ echo ImageNotFoundException >&2; exit 254; }} ;;
  get-login-password) echo secret ;;
esac
"""
DOCKER = """#!/bin/sh
echo "$@" >> docker.log
case "$*" in *--push*) echo '{{"containerimage.digest": "{digest}"}}' > built.json ;; esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("aws", AWS), ("docker", DOCKER)):
        (tmp_path / name).write_text(text.format(digest=DIGEST))
        (tmp_path / name).chmod(0o755)
    return tmp_path


def build(folder: Path) -> dict[str, str]:
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    command = ["sh", str(FOLDER / "image.sh"), REPOSITORY, "0" * 40, "python@sha256:0"]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    made: dict[str, str] = json.loads((folder / "image.json").read_text())
    return made


def test_an_image_is_pushed_with_its_materials_and_named_by_its_digest(folder: Path) -> None:
    made = build(folder)
    assert made == {"image": f"{REPOSITORY}@{DIGEST}", "commit": "0" * 40}
    assert image_for(made["image"], "eu-central-1") == made["image"]
    pushed = (folder / "docker.log").read_text().splitlines()[-1]
    assert {"--sbom=true", "--provenance=mode=max", "PYTHON_IMAGE=python@sha256:0", f"{REPOSITORY}:{'0' * 40}"} <= set(
        pushed.split()
    )


def test_a_commit_that_was_pushed_before_is_not_built_again(folder: Path) -> None:
    (folder / "known").touch()
    assert build(folder)["image"] == f"{REPOSITORY}@{DIGEST}"
    assert not (folder / "docker.log").exists()
