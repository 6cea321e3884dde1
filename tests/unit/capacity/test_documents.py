"""The tables in the documents are what the command prints, and the limits are those of the settings."""

import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from processor.capacity.costs import COSTS
from processor.capacity.sizing import HOSTS_MAX, REPLICAS_MAX, SHARDS_MAX
from processor.cli.main import payments
from processor.settings import BadSettings, load_settings

ROOT = Path(__file__).parents[3]
TABLES = [
    ("deploy/capacity.md", "scale"),
    ("deploy/capacity.md", "costs"),
    ("deploy/capacity.md", "ends"),
    ("README.md", "scale"),
    ("README.md", "ends"),
]


@pytest.mark.parametrize(("document", "table"), TABLES)
def test_the_table_in_the_document_is_the_commands(document: str, table: str) -> None:
    printed = CliRunner().invoke(payments, ["capacity", "--table", table]).output.strip()
    shown = (ROOT / document).read_text().partition(f"<!-- {table} -->")[2].partition("<!-- end -->")[0].strip()
    assert printed.startswith("|") and shown == printed


def test_what_a_second_host_costs_is_what_the_command_says() -> None:
    printed = CliRunner().invoke(payments, ["capacity", "--payments-per-second", "10000", "--accounts", "50e6"]).output
    together, alone = re.findall(r"a host makes ([\d,]+) payments/s in place of ([\d,]+)", printed)[0]
    assert (
        f"makes {alone} single payments a second at 60 %; of three, two thirds of the payments travel, and each makes {together}."
        in (ROOT / "deploy/capacity.md").read_text()
    )


@pytest.mark.parametrize(
    ("variable", "most"),
    [("PAYMENTS_SHARD_HOSTS", HOSTS_MAX), ("PAYMENTS_API_REPLICAS", REPLICAS_MAX), ("PAYMENTS_SHARDS", SHARDS_MAX)],
)
def test_the_settings_allow_as_much_as_the_model_takes_for_granted(variable: str, most: int) -> None:
    load_settings({variable: str(most)})
    with pytest.raises(BadSettings):
        load_settings({variable: str(most + 1)})


def test_every_cost_says_how_it_is_known() -> None:
    for name, cost in COSTS.items():
        assert cost.value > 0, name
        assert cost.is_assumed or cost.source.startswith(("payments bench ", "processor/")), name
        assert msgspec.convert(cost.date, str)[:2] == "20", name
