"""The emulator for functions: one account for a module's tests, and the variables by which a function finds it."""

import pytest

from processor.local.aws_emulator import AwsEmulator
from tests.aws import EmulatedAws


@pytest.fixture(scope="module")
def place(aws_emulator: AwsEmulator) -> EmulatedAws:
    """AWS for the tests of one module."""
    return EmulatedAws(aws_emulator)


@pytest.fixture(scope="module")
def variables(place: EmulatedAws) -> dict[str, str]:
    """What a function's environment says of AWS."""
    return {
        "AWS_ENDPOINT_URL": place.endpoint_url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
