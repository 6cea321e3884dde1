"""JSON Schemas (2020-12) of the published events, one for each type, made from the structs that describe their bodies.

They are kept as files beside this module, so that a change shows in the diff, and so that consumers can take them without running
anything. `python -m processor.eventlog.schema` writes the files anew.
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from processor.eventlog import catalogue as types
from processor.eventlog.bodies import AboutAccountBody, AboutBalancesBody, AboutPaymentBody, AboutRefusalBody, CloudEvent
from processor.eventlog.catalogue import TYPES
from processor.eventlog.cloud_event import schema_name

FOLDER: Final = Path(__file__).parent / "schemas"
CONTENT_TYPE: Final = "application/schema+json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DEFINITION: Final = "#/$defs/{name}"
_OWN_BODIES: Final = {types.PAYMENT_REFUSED: AboutRefusalBody, types.BALANCES_CHANGED: AboutBalancesBody}

Schema = dict[str, Any]


def event_schema(kind: str) -> Schema:
    """Return the schema of the CloudEvents of this type, one of TYPES. Members that it does not name may come: let them be."""
    body = _OWN_BODIES.get(kind) or (AboutAccountBody if kind.startswith("account.") else AboutPaymentBody)
    (envelope, _), definitions = msgspec.json.schema_components((CloudEvent, body), ref_template=_DEFINITION)
    envelope = definitions.pop(CloudEvent.__name__)
    properties = envelope["properties"]
    properties["type"] = {"const": kind}
    properties["dataschema"] = {"const": schema_name(kind)}
    properties["data"] = {"$ref": _DEFINITION.format(name=body.__name__)}
    for definition in definitions.values():
        definition["description"] = " ".join(definition["description"].split())
    return {
        "$schema": _DIALECT,
        "$id": schema_name(kind),
        **envelope,
        "title": kind,
        "description": TYPES[kind],
        "$defs": definitions,
    }


@cache
def schema_file(kind: str) -> bytes:
    """Return the committed schema of this type. Raises KeyError for what is not a type."""
    if kind not in TYPES:
        raise KeyError(kind)
    return (FOLDER / f"{kind}.json").read_bytes()


def encode_schema(schema: Schema) -> bytes:
    """Return the schema as its file has it."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


def write_schemas(folder: Path = FOLDER) -> None:
    """Write all schemas into the folder, and remove what is no schema of any type."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in TYPES:
        (folder / f"{kind}.json").write_bytes(encode_schema(event_schema(kind)))
    for path in folder.glob("*.json"):
        if path.stem not in TYPES:
            path.unlink()


if __name__ == "__main__":
    write_schemas()
