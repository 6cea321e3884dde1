"""`--aws local` before anything is started: what it sets, and what it refuses."""

import socket
import sys
from pathlib import Path

import pytest

from processor.local.aws_emulator import AwsEmulator
from processor.local.failure import CannotStart
from processor.local.local_aws import BRIDGES, ENDPOINT_URL, give_credentials, with_local_aws
from processor.local.ports import free_port
from processor.local.system import System
from processor.settings import Settings


def test_it_fills_in_what_the_user_has_left_open() -> None:
    settings = with_local_aws(Settings())
    assert (settings.aws_endpoint_url, settings.bridges) == (ENDPOINT_URL, BRIDGES)
    chosen = Settings(aws_endpoint_url="http://127.0.0.1:5000", bridges="sns", redis_url="redis://elsewhere:6379/0")
    assert with_local_aws(chosen) == chosen


def test_it_gives_credentials_only_to_those_who_have_none() -> None:
    nothing: dict[str, str] = {}
    give_credentials(nothing)
    assert nothing == {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    something = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "secret"}
    give_credentials(something)
    assert something["AWS_ACCESS_KEY_ID"] == "mine"


@pytest.mark.parametrize(
    "url", ["https://kinesis.us-east-1.amazonaws.com", "http://10.0.0.1:4566", "http://127.0.0.1", "http://127.0.0.1:99999"]
)
def test_an_endpoint_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(CannotStart, match=r"with --aws local it must be http://127.0.0.1:PORT, or empty"):
        System(Settings(aws_endpoint_url=url), aws=True)


def test_a_taken_port_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = Settings(
            data_folder=str(tmp_path), port=free_port(), dashboard_port=0, aws_endpoint_url=f"http://127.0.0.1:{port}"
        )
        take_folder = System(settings, aws=True).start_stages()[0]
        with pytest.raises(CannotStart, match=f"port {port} is taken by another program: set PAYMENTS_AWS_ENDPOINT_URL to"):
            take_folder.run()


def test_who_has_not_installed_the_emulator_is_told_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    with pytest.raises(CannotStart, match=r"\.venv-aws, but it does not exist: `make run AWS=local` does it"):
        AwsEmulator(tmp_path / "aws").start()
