"""A private cluster and a private database are of no use if nobody can get to them: people's shells must be let in at both."""

import re
from pathlib import Path

import pytest

REGION = Path(__file__).parents[3] / "terraform" / "modules" / "region"
GROUP = "aws_security_group.people.id"
DOORS = {"processing.tf": "endpoint_client_security_group_ids", "data.tf": "client_security_group_ids"}


def lets_people_in(text: str, door: str) -> bool:
    (groups,) = re.findall(rf"^\s*{door}\s*=\s*(.+)$", text, re.MULTILINE)
    return GROUP in groups


@pytest.mark.parametrize(("file", "door"), DOORS.items())
def test_people_are_let_in(file: str, door: str) -> None:
    assert lets_people_in((REGION / file).read_text(), door)


@pytest.mark.parametrize(("file", "door"), DOORS.items())
def test_a_door_that_is_closed_is_noticed(file: str, door: str) -> None:
    assert not lets_people_in((REGION / file).read_text().replace(GROUP, '"sg-0"'), door)
