"""Every box of the landscape is planned where it belongs."""

import pytest

from tests.infra.conftest import Estate
from tests.infra.terraform.boxes import BOXES, Box, found

ROWS = [
    pytest.param(box, environment, id=f"{box.layer}: {box.name}, in {environment}")
    for box in BOXES
    for environment in box.environments
]


@pytest.mark.parametrize(("box", "environment"), ROWS)
def test_a_box_is_planned(estate: Estate, box: Box, environment: str) -> None:
    resources = estate(environment).resources
    assert found(box, resources)
    assert not found(box, [resource for resource in resources if resource.type != box.type])


@pytest.mark.parametrize("box", [box for box in BOXES if box.values], ids=lambda box: f"{box.layer}: {box.name}")
def test_a_box_without_what_makes_it_one_is_missed(estate: Estate, box: Box) -> None:
    for path in box.values:
        emptied = [
            resource._replace(values={name: value for name, value in resource.values.items() if name != path.split(".")[0]})
            for resource in estate(box.environments[0]).resources
            if resource.type == box.type
        ]
        assert not found(box, emptied)


def test_every_layer_has_boxes() -> None:
    assert {box.layer for box in BOXES} == {
        "edge",
        "API",
        "processing",
        "data",
        "events",
        "security",
        "analytics",
        "operations",
        "accounts",
        "regions",
    }
