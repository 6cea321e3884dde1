"""The published schemas: as the program makes them, true of every event, and compatible with what was published before."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from processor.eventlog.catalogue import TYPES
from processor.eventlog.cloud_event import encode_event
from processor.eventlog.schema import FOLDER, encode_schema, event_schema, schema_file, write_schemas
from tests.unit.eventlog.compatibility import problems
from tests.unit.eventlog.stories import early_story, published, told_story

BASELINE = Path(__file__).parent / "event_schemas_v1"

Schema = dict[str, Any]


def test_the_committed_schemas_are_what_the_program_makes() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == TYPES.keys()
    for kind in TYPES:
        assert schema_file(kind) == encode_schema(event_schema(kind)), "run python -m processor.eventlog.schema"


def test_writing_removes_the_schema_of_what_is_no_type(tmp_path: Path) -> None:
    (tmp_path / "payment.dreamt.json").write_text("{}")
    write_schemas(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == TYPES.keys()


@pytest.mark.anyio
async def test_every_event_fits_its_schema_and_every_type_is_met() -> None:
    validators = {
        kind: Draft202012Validator(msgspec.json.decode(schema_file(kind)), format_checker=FormatChecker()) for kind in TYPES
    }
    for validator in validators.values():
        Draft202012Validator.check_schema(validator.schema)
    met = set()
    for event in (*await published(await told_story()), *await published(await early_story())):
        body = msgspec.json.decode(encode_event(event))
        validators[body["type"]].validate(body)
        assert body["dataschema"] == validators[body["type"]].schema["$id"]
        met.add(body["type"])
    assert met == TYPES.keys()


def test_nothing_has_changed_that_consumers_rely_on() -> None:
    for path in sorted(BASELINE.glob("*.json")):
        assert path.stem in TYPES, "a type of event was removed"
        assert problems(msgspec.json.decode(path.read_bytes()), event_schema(path.stem)) == []


def _remove_member(schema: Schema) -> None:
    del schema["$defs"]["PaymentBody"]["properties"]["reference"]
    schema["$defs"]["PaymentBody"]["required"].remove("reference")


def _make_optional(schema: Schema) -> None:
    schema["$defs"]["PaymentBody"]["required"].remove("status")


def _require_more(schema: Schema) -> None:
    schema["$defs"]["AboutPaymentBody"]["properties"]["fee"] = {"type": "integer"}
    schema["$defs"]["AboutPaymentBody"]["required"].append("fee")


def _widen(schema: Schema) -> None:
    schema["properties"]["subject"] = {"anyOf": [schema["properties"]["subject"], {"type": "null"}]}


def _narrow(schema: Schema) -> None:
    amount = schema["$defs"]["LegBody"]["properties"]["amount"]
    schema["$defs"]["LegBody"]["properties"]["amount"] = amount["anyOf"][0]


def _change_type(schema: Schema) -> None:
    schema["$defs"]["EntryBody"]["properties"]["account"]["type"] = "integer"


def _remove_value(schema: Schema) -> None:
    schema["$defs"]["AboutPaymentBody"]["properties"]["operation"]["enum"].remove("expiry")


def _forbid(schema: Schema) -> None:
    schema["$defs"]["PaymentBody"]["additionalProperties"] = False


def _constrain(schema: Schema) -> None:
    schema["properties"]["sequence"]["pattern"] = "^[0-9]{10}$"


def _rename(schema: Schema) -> None:
    schema["properties"]["type"]["const"] = "payment.paid"


def _change_members_of_maps(schema: Schema) -> None:
    schema["$defs"]["PaymentBody"]["properties"]["metadata"]["additionalProperties"] = {"type": "integer"}


def _change_items(schema: Schema) -> None:
    schema["$defs"]["AboutPaymentBody"]["properties"]["amounts"]["items"] = {"type": "integer"}


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (_remove_member, "/data/payment/reference: it was removed"),
        (_make_optional, "/data/payment/status: it may now be missing"),
        (_require_more, "/data/fee: it is now required"),
        (_widen, "/subject: there were 1 alternatives and are 2"),
        (_narrow, "/data/payment/legs/items/amount: there were 2 alternatives and are 1"),
        (_change_type, "/data/entries/items/account: the type string has become integer"),
        (_remove_value, "/data/operation: the values ['expiry'] were removed"),
        (_forbid, "/data/payment: further members have been forbidden"),
        (_constrain, "/sequence: pattern was"),
        (_rename, "/type: the constant"),
        (_change_members_of_maps, "/data/payment/metadata/additionalProperties: the type"),
        (_change_items, "/data/amounts/items: there were 2 alternatives and are 1"),
    ],
)
def test_a_schema_that_would_break_consumers_is_found(break_it: Callable[[Schema], None], told: str) -> None:
    schema = event_schema("payment.succeeded")
    broken = copy.deepcopy(schema)
    break_it(broken)
    assert any(problem.startswith(told) for problem in problems(schema, broken)), problems(schema, broken)


def test_a_member_that_may_be_missing_and_a_further_value_break_nobody() -> None:
    schema = event_schema("payment.succeeded")
    grown = copy.deepcopy(schema)
    grown["$defs"]["AboutPaymentBody"]["properties"]["fee"] = {"type": "integer"}
    grown["$defs"]["AboutPaymentBody"]["properties"]["operation"]["enum"].append("correction")
    grown["description"] = "In other words."
    assert problems(schema, grown) == []
