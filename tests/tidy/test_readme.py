"""The README tells the truth about files and commands."""

import re
from pathlib import Path

import pytest

from processor.cli.main import payments

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PATHS = sorted(set(re.findall(r"`((?:processor|actors|serve|tests|loadtests|deploy|terraform)/[\w./-]*)`", README)))


@pytest.mark.parametrize("path", PATHS)
def test_every_path_in_the_readme_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_command_in_the_readme_exists() -> None:
    named = set(re.findall(r"`payments ([a-z-]+)", README))
    assert named and named <= payments.commands.keys()


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", README)) | set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE))
    assert named and named <= targets


def test_nothing_is_left_to_fill_in() -> None:
    assert "@@" not in README
