"""A provider for Terraform that knows a schema and calls nobody: what `terraform validate`, `plan` and `test` need from it.

    .venv-infra/bin/python provider.py REQUEST

runs until its standard input ends. REQUEST is a JSON file: {"schemas": {provider's name: schema file}, "uses": {name: {"account": "...",
"region": "...", "types": [those that it needs], "invents": whether}}}. It prints one line of JSON: for each use, the value of
TF_REATTACH_PROVIDERS with which Terraform finds this process. So one process serves all folders, and Terraform reads only the part of the
schema that it needs.

The protocol is Terraform's plugin protocol 6. A plan leaves unknown whatever AWS would assign, as the real provider does, so that `count`
and `for_each` over such values are refused. Or it invents those values, so that all that is rendered from them can be read in the plan.
"""

import gzip
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import msgpack
from tf.gen import tfplugin_pb2 as messages
from tf.gen import tfplugin_pb2_grpc as services

sys.path.insert(0, str(Path(__file__).parents[3]))
from tests.infra.terraform import answers

Value = Any
Block = dict[str, dict[str, dict[str, Any]]]
UNKNOWN = msgpack.ExtType(0, b"\x00")
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
# `write_only`, field 11 of an attribute, is younger than the published Python messages of the protocol.
WRITE_ONLY = b"\x58\x01"


def is_assignable_block(attribute: dict[str, Any]) -> bool:
    """Return whether both `ingress { .. }` and `ingress = [{ .. }]` may be written: a list of objects that AWS fills if nobody does."""
    return attribute["computed"] and attribute["optional"] and attribute["nesting"] in ("list", "set")


def is_write_only(name: str, attribute: dict[str, Any]) -> bool:
    """Return whether a value may be given but is never kept: the provider's names for such arguments end so."""
    return name.endswith("_wo") and not attribute["computed"]


def object_type(block: Block) -> Value:
    return ["object", {name: attribute_type(attribute) for name, attribute in block["attributes"].items()}]


def attribute_type(attribute: dict[str, Any], in_collection: bool = True) -> Value:
    """Return an attribute's type. Terraform knows no dynamic types in collections: there, such a value is a text."""
    if "block" in attribute:
        inner = object_type(attribute["block"])
        return inner if attribute["nesting"] == "single" else [attribute["nesting"], inner]
    kind = attribute["type"]
    return "string" if kind == "dynamic" and in_collection else kind


def attribute_message(name: str, attribute: dict[str, Any], in_collection: bool) -> messages.Schema.Attribute:
    required, computed = attribute["required"], attribute["computed"] and not attribute["required"]
    optional = not required and (attribute["optional"] or not computed)
    message = messages.Schema.Attribute(name=name, required=required, optional=optional, computed=computed)
    if "block" in attribute and not is_assignable_block(attribute):
        message.nested_type.nesting = NESTING[attribute["nesting"]]
        inside = in_collection or attribute["nesting"] != "single"
        nested = attribute["block"]["attributes"]
        message.nested_type.attributes.extend(attribute_message(key, inner, inside) for key, inner in nested.items())
    else:
        message.type = json.dumps(attribute_type(attribute, in_collection)).encode()
    if is_write_only(name, attribute):
        message.MergeFromString(WRITE_ONLY)
    return message


def block_message(block: Block, in_collection: bool = False) -> messages.Schema.Block:
    message = messages.Schema.Block(
        attributes=[attribute_message(name, attribute, in_collection) for name, attribute in block["attributes"].items()]
    )
    for name, nested in block["blocks"].items():
        message.block_types.add(
            type_name=name,
            block=block_message(nested["block"], in_collection or nested["nesting"] == "set"),
            nesting=NESTING[nested["nesting"]],
            min_items=nested["at_least"],
            max_items=nested["at_most"],
        )
    return message


def decoded(message: messages.DynamicValue) -> Value:
    return msgpack.unpackb(message.msgpack, strict_map_key=False, ext_hook=msgpack.ExtType) if message.msgpack else None


def encoded(value: Value) -> messages.DynamicValue:
    return messages.DynamicValue(msgpack=msgpack.packb(value))


def nested_values(block: Block, value: Value) -> Iterator[tuple[Block, Value]]:
    """Yield each nested block, or nested attribute, that a value has, with its schema."""
    for name, nested in [*block["blocks"].items(), *block["attributes"].items()]:
        if "block" not in nested or (name in block["attributes"] and is_assignable_block(nested)):
            continue
        found = value.get(name)
        each = [found] if nested["nesting"] == "single" else found.values() if isinstance(found, dict) else found
        if each is not None and not isinstance(each, msgpack.ExtType):
            yield from ((nested["block"], inner) for inner in each if isinstance(inner, dict))


def fill(block: Block, value: Value, make: Callable[[str, Value], Value]) -> None:
    """Give each computed attribute that has no value the one which `make` returns for its name and type; forget what is not kept."""
    for name, attribute in block["attributes"].items():
        if is_write_only(name, attribute):
            value[name] = None
        elif attribute["computed"] and value.get(name) is None:
            value[name] = make(name, attribute_type(attribute))
    for nested, inner in nested_values(block, value):
        fill(nested, inner, make)


class SchemaOnly(services.ProviderServicer):
    """One provider, for one use."""

    def __init__(self, schema: dict[str, Any], place: answers.Place, invents: bool) -> None:
        self._schema = schema
        self._response = schema_message(schema)
        self._place = place
        self._invents = invents

    def GetMetadata(self, request: Any, context: Any) -> messages.GetMetadata.Response:  # noqa: N802
        resources = [messages.GetMetadata.ResourceMetadata(type_name=name) for name in self._schema["resources"]]
        sources = [messages.GetMetadata.DataSourceMetadata(type_name=name) for name in self._schema["data_sources"]]
        return messages.GetMetadata.Response(resources=resources, data_sources=sources)

    def GetProviderSchema(self, request: Any, context: Any) -> messages.GetProviderSchema.Response:  # noqa: N802
        return self._response

    def ValidateProviderConfig(self, request: Any, context: Any) -> messages.ValidateProviderConfig.Response:  # noqa: N802
        return messages.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> messages.ValidateResourceConfig.Response:  # noqa: N802
        return messages.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> messages.ValidateDataResourceConfig.Response:  # noqa: N802
        return messages.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> messages.ConfigureProvider.Response:  # noqa: N802
        return messages.ConfigureProvider.Response()

    def UpgradeResourceState(self, request: Any, context: Any) -> messages.UpgradeResourceState.Response:  # noqa: N802
        return messages.UpgradeResourceState.Response(upgraded_state=messages.DynamicValue(json=request.raw_state.json))

    def ReadResource(self, request: Any, context: Any) -> messages.ReadResource.Response:  # noqa: N802
        return messages.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request: Any, context: Any) -> messages.PlanResourceChange.Response:  # noqa: N802
        proposed, block = decoded(request.proposed_new_state), self._schema["resources"][request.type_name]
        if proposed is not None:
            fill(block, proposed, self._invent(request.type_name, proposed) if self._invents else lambda name, kind: UNKNOWN)
        return messages.PlanResourceChange.Response(planned_state=encoded(proposed))

    def ReadDataSource(self, request: Any, context: Any) -> messages.ReadDataSource.Response:  # noqa: N802
        values, block = decoded(request.config), self._schema["data_sources"][request.type_name]
        known = answers.data(request.type_name, values, self._place)
        values.update({name: value for name, value in known.items() if name in block["attributes"] and values.get(name) is None})
        fill(block, values, self._invent(request.type_name, values))
        return messages.ReadDataSource.Response(state=encoded(values))

    def _invent(self, type_name: str, values: Value) -> Callable[[str, Value], Value]:
        return lambda name, kind: answers.invented(name, kind, type_name, values, self._place)

    def GetFunctions(self, request: Any, context: Any) -> messages.GetFunctions.Response:  # noqa: N802
        return messages.GetFunctions.Response()

    def StopProvider(self, request: Any, context: Any) -> messages.StopProvider.Response:  # noqa: N802
        return messages.StopProvider.Response()


def cut(schema: dict[str, Any], types: set[str]) -> dict[str, Any]:
    """Return the part of a schema that tells of these types."""
    kinds = ("resources", "data_sources")
    return schema | {kind: {name: block for name, block in schema[kind].items() if name in types} for kind in kinds}


def schema_message(schema: dict[str, Any]) -> messages.GetProviderSchema.Response:
    response = messages.GetProviderSchema.Response()
    # Terraform asks for the schema once, and not again for each of the hundred providers of a test.
    response.server_capabilities.get_provider_schema_optional = True
    schema["provider"]["attributes"].pop("alias", None)  # an argument of Terraform's own
    response.provider.CopyFrom(messages.Schema(block=block_message(schema["provider"])))
    for name, block in schema["resources"].items():
        response.resource_schemas[name].CopyFrom(messages.Schema(block=block_message(block)))
    for name, block in schema["data_sources"].items():
        response.data_source_schemas[name].CopyFrom(messages.Schema(block=block_message(block)))
    return response


def serve(provider: SchemaOnly, socket: Path) -> grpc.Server:
    unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(4), options=unlimited)
    services.add_ProviderServicer_to_server(provider, server)
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    return server


def main(request: dict[str, Any], folder: Path) -> None:
    attach: dict[str, dict[str, Any]] = {use: {} for use in request["uses"]}
    servers = []
    for name, file in request["schemas"].items():
        whole = json.loads(gzip.decompress(Path(file).read_bytes()))
        for number, (use, wanted) in enumerate(request["uses"].items()):
            place = answers.Place(wanted["account"], wanted["region"])
            socket = folder / f"{name}-{number}"
            servers.append(serve(SchemaOnly(cut(whole, set(wanted["types"])), place, wanted["invents"]), socket))
            attach[use][f"registry.terraform.io/hashicorp/{name}"] = {
                "Protocol": "grpc",
                "ProtocolVersion": 6,
                "Pid": os.getpid(),
                "Test": True,
                "Addr": {"Network": "unix", "String": str(socket)},
            }
    print(json.dumps(attach), flush=True)
    sys.stdin.read()
    for server in servers:
        server.stop(None)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as sockets:
        main(json.loads(Path(sys.argv[1]).read_text()), Path(sockets))
