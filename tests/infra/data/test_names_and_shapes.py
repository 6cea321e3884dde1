"""Tables, queues and columns are written in Terraform and in the program: both must be the same."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from processor.aws.resources import INSTRUCTION_RECEIVES, queues, tables
from processor.bridges.s3.tables import SCHEMAS
from processor.settings import Settings
from tests.infra.data.evaluating import MODULES, evaluated

TABLES = MODULES / "data" / "dynamodb.tf"
QUEUES = MODULES / "events" / "queues.tf"
CATALOGUE = MODULES / "analytics" / "glue.tf"
BUCKET = 'variable "records_bucket" {\n  default = { name = "records", arn = "" }\n}'
# What Athena calls the types of the files.
TYPES = {pa.int32(): "int", pa.int64(): "bigint", pa.string(): "string", pa.timestamp("us", tz="UTC"): "timestamp"}


def wanted_tables() -> dict[str, Any]:
    """Return the program's tables as Terraform writes them."""
    wanted = {}
    for table in tables(Settings()):
        described = msgspec.to_builtins(table._asdict())
        described["indexes"] = {index.name: {"hash_key": index.hash_key, "range_key": index.range_key} for index in table.indexes}
        del described["is_journal"]
        wanted[table.name] = described
    return wanted


def written_tables(text: str, folder: Path) -> dict[str, Any]:
    return {table["name"]: table for table in evaluated(text, "tables", folder).values()}


def test_tables_have_the_keys_indexes_and_expiry_of_the_program(tmp_path: Path) -> None:
    assert written_tables(TABLES.read_text(), tmp_path) == wanted_tables()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("remove_at_seconds", "expires_at"), ('sk = "N"', 'sk = "S"'), ("by_reference ", "by_references "), ('"pk"', '"sk"')],
)
def test_a_table_of_another_shape_is_noticed(tmp_path: Path, right: str, wrong: str) -> None:
    text = TABLES.read_text()
    assert right in text
    assert written_tables(text.replace(right, wrong), tmp_path) != wanted_tables()


def test_queues_keep_and_hide_messages_as_the_program_expects(tmp_path: Path) -> None:
    text = QUEUES.read_text()
    written = evaluated(text, "own_queues", tmp_path)
    assert written == {
        queue.name: {key: value for key, value in queue._asdict().items() if key != "name"} for queue in queues(Settings())
    }
    assert re.findall(r"^  instruction_receives = (\d+)$", text, re.MULTILINE) == [str(INSTRUCTION_RECEIVES)]


def test_stream_and_topic_have_the_names_of_the_settings() -> None:
    events = "\n".join(MODULES.joinpath("events", file).read_text() for file in ("stream.tf", "topic.tf"))
    names = re.findall(r'^  name\s+= "(payments-[^"]*)"$', events, re.MULTILINE)
    assert set(names) == {Settings().kinesis_stream, Settings().sns_topic}


def columns(text: str, folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Return each table's columns in the catalogue."""
    written = evaluated(text, "definitions", folder, BUCKET)
    return {name: [(column["name"], column["type"]) for column in table["columns"]] for name, table in written.items()}


def test_the_catalogue_has_the_columns_of_the_files(tmp_path: Path) -> None:
    wanted = {name: [(field.name, TYPES[field.type]) for field in schema] for name, schema in SCHEMAS.items()}
    assert columns(CATALOGUE.read_text(), tmp_path) == wanted


def test_the_catalogue_points_at_lists_and_computes_its_days(tmp_path: Path) -> None:
    for name, table in evaluated(CATALOGUE.read_text(), "definitions", tmp_path, BUCKET).items():
        assert table["location"] == f"s3://records/athena/{name}/"
        assert table["partition"] == ["date", "string"]
        assert table["input"].endswith("SymlinkTextInputFormat")
        assert {"projection.enabled", "projection.date.type", "projection.date.range"} <= table["properties"].keys()
