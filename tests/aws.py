"""AWS for tests: an emulator that speaks the real wire protocols, and names that no other test uses."""

import itertools
import os
from typing import Any
from uuid import uuid4

import msgspec

from processor.aws.clients import aws_client
from processor.aws.creation import create_missing
from processor.local.aws_emulator import AwsEmulator
from processor.settings import Settings

NAMES = (
    "kinesis_stream",
    "sns_topic",
    "sqs_dead_letter_queue",
    "sqs_instruction_queue",
    "sqs_instruction_dead_letter_queue",
    "s3_bucket",
    "dynamodb_transactions_table",
    "dynamodb_journal_table",
)
_NUMBERS = itertools.count(1)


class EmulatedAws:
    """An account at an emulator."""

    def __init__(self, emulator: AwsEmulator) -> None:
        self.emulator = emulator

    @property
    def endpoint_url(self) -> str:
        return self.emulator.endpoint_url

    def settings(self, **more: object) -> Settings:
        """Return settings with the endpoint, and with names of streams, tables and so on that are new. Nothing is made."""
        usual = {name: getattr(Settings(), name) for name in NAMES}
        suffix = f"{next(_NUMBERS)}-{uuid4().hex[:8]}"
        names = {name: f"{value}-{suffix}" for name, value in usual.items()}
        # Short, so that a test of an emulator that is down does not wait.
        limits = {"aws_connect_timeout_seconds": 0.5, "aws_read_timeout_seconds": 5.0, "aws_max_attempts": 2}
        values: dict[str, Any] = {"aws_endpoint_url": self.endpoint_url} | limits | names | more
        return msgspec.structs.replace(Settings(), **values)

    def created(self, **more: object) -> Settings:
        """Return settings as `settings` does, after having made everything that they name: about half a second."""
        settings = self.settings(**more)
        for _ in create_missing(settings):
            pass
        return settings

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulator."""
        return aws_client(self.settings(), service)


def set_credentials() -> None:
    """Give this process the credentials that every emulator takes, and no others."""
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
        del os.environ[name]
    os.environ.update({"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"})
