"""How rollouts talk to kubectl: what it is asked, and what becomes of what it says. A script stands in for it."""

import json
from pathlib import Path

import pytest

from deploy.delivery.rollouts.kubectl import Kubectl, KubectlFailed
from deploy.delivery.run import main
from tests.infra.delivery.emulated_cluster import NEW, service

STAND_IN = """#!/bin/sh
printf '%s\\n' "$@" > {folder}/arguments
cat > {folder}/input
cat {folder}/answer
exit $(cat {folder}/code)
"""


class StandIn:
    """A kubectl that writes down what it is asked."""

    def __init__(self, folder: Path, answer: str = "", code: int = 0) -> None:
        self._folder = folder
        program = folder / "kubectl"
        program.write_text(STAND_IN.format(folder=folder))
        program.chmod(0o755)
        (folder / "answer").write_text(answer)
        (folder / "code").write_text(str(code))
        self.kubectl = Kubectl([str(program)])

    @property
    def arguments(self) -> list[str]:
        return (self._folder / "arguments").read_text().splitlines()

    @property
    def input(self) -> str:
        return (self._folder / "input").read_text()


def test_objects_are_applied_on_the_servers_side(tmp_path: Path) -> None:
    there = StandIn(tmp_path)
    there.kubectl.apply([service(NEW)])
    assert there.arguments[:2] == ["apply", "--server-side"]
    assert json.loads(there.input)["items"] == [service(NEW)]


def test_an_object_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert StandIn(tmp_path).kubectl.get("rayservice", "payments") is None


def test_an_object_is_read(tmp_path: Path) -> None:
    there = StandIn(tmp_path, json.dumps(service(NEW)))
    assert there.kubectl.get("rayservice", "payments") == service(NEW)
    assert "--namespace=payments" in there.arguments


def test_what_is_deleted_is_waited_for(tmp_path: Path) -> None:
    there = StandIn(tmp_path)
    there.kubectl.delete("rayservice", "payments-canary")
    assert {"--ignore-not-found", "--wait=true", "--cascade=foreground"} <= set(there.arguments)


def test_a_refusal_is_told_with_kubectls_words(tmp_path: Path) -> None:
    with pytest.raises(KubectlFailed, match="kubectl get rayservice payments: no route to the cluster"):
        StandIn(tmp_path, "no route to the cluster", 1).kubectl.get("rayservice", "payments")


def test_a_step_that_is_none_and_one_that_lacks_a_variable_end_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("rolout", {}) == 2
    assert main("rollout", {}) == 2
    said = capsys.readouterr().err
    assert "name one of rollout, canary, smoke, clean-up" in said
    assert "the variable 'CODEBUILD_SRC_DIR_image' is not set" in said


def test_an_image_that_is_not_ours_ends_a_rollout_before_it_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "image.json").write_text(json.dumps({"image": "payments:latest", "commit": "0" * 40}))
    environment = {"CODEBUILD_SRC_DIR_image": str(tmp_path), "AWS_REGION": "eu-central-1"}
    assert main("rollout", environment) == 1
    assert "is not an image of ours" in capsys.readouterr().err
