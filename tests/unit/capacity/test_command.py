"""`payments capacity`: what it prints, and what it refuses."""

import msgspec
import pytest
from click.testing import CliRunner, Result

from processor.cli.main import payments


def run(*arguments: str) -> Result:
    return CliRunner().invoke(payments, ["capacity", *arguments])


def test_the_commands_own_example() -> None:
    found = run("--payments-per-second", "100000", "--accounts", "50e6")
    assert found.exit_code == 0, found.output
    for line in ("ledgers", "shard hosts", "API replicas", "Aurora", "Kinesis", "in all"):
        assert any(printed.strip().startswith(line) or line in printed for printed in found.output.splitlines())


def test_json_has_every_size() -> None:
    found = msgspec.json.decode(run("--payments-per-second", "500", "--accounts", "1e6", "--json").output)
    assert found["ledgers"] == 1
    assert found["sizes"]["shard_hosts"] == 3
    assert found["sizes"]["host_nodes"]["nodes_per_zone"] == 1
    assert found["monthly"] == pytest.approx(sum(line[2] for line in found["lines"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--payments-per-second", "0", "--accounts", "2"), "--payments-per-second is 0; allowed: more than 0"),
        (("--payments-per-second", "-5", "--accounts", "2"), "--payments-per-second is -5"),
        (("--payments-per-second", "nan", "--accounts", "2"), "--payments-per-second is nan"),
        (("--payments-per-second", "inf", "--accounts", "2"), "--payments-per-second is inf"),
        (("--payments-per-second", "1e12", "--accounts", "2"), "allowed: more than 0, at most 100,000,000"),
        (("--payments-per-second", "1", "--accounts", "0"), "--accounts is 0; allowed: 2 to 1,000,000,000,000"),
        (("--payments-per-second", "1", "--accounts", "2", "--batch-share", "1.5"), "--batch-share is 1.5; allowed: 0 to 1"),
        (("--payments-per-second", "1", "--accounts", "2", "--zones", "4"), "--zones is 4; allowed: 1 to 3"),
        (
            ("--payments-per-second", "1", "--accounts", "2", "--bridges", "kinesis,kafka"),
            "--bridges names kafka; allowed: kinesis",
        ),
        (
            ("--payments-per-second", "1e8", "--accounts", "2", "--bridges", "sns"),
            "not even 4,096 ledgers carry 100,000,000 payments/s",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_one_sentence(arguments: tuple[str, ...], message: str) -> None:
    found = run(*arguments)
    assert found.exit_code == 2
    assert message in found.output
    assert len(found.output.strip().splitlines()) == 1


def test_what_is_missing_is_named() -> None:
    assert "say --payments-per-second and --accounts" in run("--accounts", "5").output
