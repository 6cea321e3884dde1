"""checkov finds nothing, but for exceptions that say why at their place."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.infra.programs import TOP, program

SKIP = re.compile(r"checkov:skip=(\w+)(?::(.*))?")

# A queue and a stream without a key, and a key that is never rotated.
UNENCRYPTED = """
resource "aws_sqs_queue" "this" {
  name = "payments-instructions"
}

resource "aws_kinesis_stream" "this" {
  name        = "payments-events"
  shard_count = 1
}

resource "aws_kms_key" "this" {
  description = "Records"
}
"""


def checked(folder: Path) -> dict[str, Any]:
    command = [
        program("checkov"),
        "--skip-download",
        "--framework",
        "terraform",
        "--compact",
        "--output",
        "json",
        "-d",
        str(folder),
    ]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return found if isinstance(found, dict) else found[0]


def findings(folder: Path) -> set[str]:
    return {
        f"{found['check_id']} {found['resource']}: {found['check_name']}" for found in checked(folder)["results"]["failed_checks"]
    }


def test_checkov_finds_nothing() -> None:
    found = checked(TOP / "terraform")
    assert {
        f"{check['check_id']} {check['file_path']} {check['resource']}" for check in found["results"]["failed_checks"]
    } == set()
    assert found["summary"]["parsing_errors"] == 0
    assert found["summary"]["resource_count"] > 100


def test_every_exception_says_why() -> None:
    skips = [(file, *found) for file in (TOP / "terraform").rglob("*.tf") for found in SKIP.findall(file.read_text())]
    assert [skip for skip in skips if len(skip[2].split()) < 4] == []


def test_there_is_no_list_of_exceptions_elsewhere() -> None:
    assert [name for name in (".checkov.yml", ".checkov.yaml", ".checkov.baseline") if (TOP / name).exists()] == []


def test_what_is_not_encrypted_is_found(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(UNENCRYPTED)
    assert {finding.split(":")[0] for finding in findings(tmp_path)} >= {
        "CKV_AWS_27 aws_sqs_queue.this",
        "CKV_AWS_43 aws_kinesis_stream.this",
        "CKV_AWS_7 aws_kms_key.this",
    }
