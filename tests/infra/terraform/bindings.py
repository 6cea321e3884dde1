"""Reads the schema of a Terraform provider out of its published bindings.

The provider itself is a large program that is not at hand where these tests run. Its bindings for programming languages are a plain
package, generated from the provider's schema, and state it again: for each resource type one JavaScript module, in which

    // kms_master_key_id - computed: false, optional: true, required: false

stands before the getter of each argument, nested ones too, and in which a mapping to HCL tells blocks from attributes and gives types:

    kms_master_key_id: { value: cdktn.stringToHclTerraform(..), isBlock: false, type: "simple", storageClassType: "string", },

What the bindings do not say: allowed values, which arguments exclude each other, which changes replace a resource, what is sensitive.
"""

import copy
import fcntl
import gzip
import hashlib
import io
import json
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

# A type as Terraform's protocol writes it in JSON: "string", ["list", "string"], ["map", ["list", "number"]] ...
Json = Any
Block = dict[str, dict[str, dict[str, Json]]]

KINDS = {"TerraformResource": "resources", "TerraformDataSource": "data_sources"}
SCALARS = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
# What only computed attributes have to tell their type: the name of the method that reads them.
GETTERS = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
    "NumberMap": ["map", "number"],
    "BooleanMap": ["map", "bool"],
    "AnyMap": ["map", "string"],
}

CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+) \{$", re.MULTILINE)
FUNCTION = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
ATTRIBUTE = re.compile(
    r"^\s*// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n(?=((?:.*\n){1,4}))", re.MULTILINE
)
MAPPING = re.compile(
    r'^\s+(\w+): \{\n\s+value: (.*),\n\s+isBlock: (true|false),\n\s+type: "(\w+)",\n\s+storageClassType: "(\w+)",', re.MULTILINE
)
TYPE_NAME = re.compile(r'static tfResourceType = "(\w+)";')
VERSION = re.compile(r"providerVersion: '([\d.]+)'")


class Mapping(NamedTuple):
    """How one argument becomes HCL. `kind`: simple, list, set, map or struct. `element`: the type of its elements, or a class."""

    value: str
    is_block: bool
    kind: str
    element: str

    @classmethod
    def all_in(cls, source: str) -> dict[str, "Mapping"]:
        return {
            name: cls(value, declared == "true" and not cls._is_nested_attribute(name, value, kind), kind, element)
            for name, value, declared, kind, element in MAPPING.findall(source)
        }

    @staticmethod
    def _is_nested_attribute(name: str, value: str, kind: str) -> bool:
        """Return whether `name = {...}` is written, not `name {...}`, although the bindings call both a block."""
        if "listMapperHcl(" in value:
            return "ToHclTerraform, false)" in value
        return kind == "struct" and name != "timeouts"

    @property
    def type(self) -> Json | None:
        """Return the type, or None for what has a class of its own."""
        if self.kind == "simple":
            return SCALARS[self.element]
        parts = re.fullmatch(r"(string|number|boolean|any)((?:Map|List|Set)+)", self.element)
        if parts is None:
            return None
        inner: Json = SCALARS[parts[1]] if parts[1] != "any" else "string"
        for collection in re.findall("Map|List|Set", parts[2])[:-1]:
            inner = [collection.lower(), inner]
        return [self.kind, inner]


class Source:
    """One JavaScript module of the bindings: its classes, and its functions that map to HCL."""

    def __init__(self, text: str) -> None:
        starts = list(CLASS.finditer(text))
        ends = [start.start() for start in starts[1:]] + [len(text)]
        self.classes = {start[1]: (start[2], text[start.end() : end]) for start, end in zip(starts, ends, strict=True)}
        self.mappings = {name.lower(): Mapping.all_in(body) for name, body in FUNCTION.findall(text)}

    def block(self, class_name: str, above: tuple[str, ...] = ()) -> Block:
        """Return the schema of what a class stands for. `above`: the classes around it; within itself a class has no arguments."""
        _, body = self.classes[class_name]
        mappings = self.mappings.get(class_name.removesuffix("OutputReference").lower(), {})
        own = body.find("synthesizeHclAttributes()")
        if own >= 0:
            mappings = Mapping.all_in(body[own:])
        block: Block = {"attributes": {}, "blocks": {}}
        for name, computed, optional, required, getter in ATTRIBUTE.findall(body):
            flags = {"computed": computed == "true", "optional": optional == "true", "required": required == "true"}
            self._add(block, name, flags, mappings.get(name), getter, above)
        return block

    def _add(
        self, block: Block, name: str, flags: dict[str, bool], mapping: Mapping | None, getter: str, above: tuple[str, ...]
    ) -> None:
        made = re.search(rf'_\w+ = new (?:\w+\.)?(\w+)\(this, "{name}"(?:, (true|false))?\)', getter)
        simple = mapping.type if mapping else None
        if simple is not None:
            block["attributes"][name] = {**flags, "type": simple}
        elif made and (inner := self._class_of(made[1])):
            nested: Block = self.block(inner, (*above, inner)) if inner not in above else {"attributes": {}, "blocks": {}}
            single = not made[1].endswith(("List", "Map"))
            nesting = self._nesting(made, mapping)
            if mapping and mapping.is_block:
                limits = {"at_least": int(flags["required"]), "at_most": 1 if single and nesting in ("list", "set") else 0}
                block["blocks"][name] = {"nesting": nesting, "block": nested, **limits}
            else:
                block["attributes"][name] = {**flags, "nesting": nesting, "block": nested}
        elif mapping and not above and self._function_of(mapping) in self.mappings:
            self._add_mapped(block, name, mapping)  # what configures the provider itself has no classes
        else:
            block["attributes"][name] = {**flags, "type": self._type_read_by(getter)}

    def _add_mapped(self, block: Block, name: str, mapping: Mapping) -> None:
        nested: Block = {"attributes": {}, "blocks": {}}
        for key, inner in self.mappings[self._function_of(mapping)].items():
            if inner.type is None:
                self._add_mapped(nested, key, inner)
            else:
                nested["attributes"][key] = {"computed": False, "optional": True, "required": False, "type": inner.type}
        if mapping.is_block:
            block["blocks"][name] = {"nesting": "list", "block": nested, "at_least": 0, "at_most": 0}
        else:
            nesting = "single" if mapping.kind == "struct" else mapping.kind
            block["attributes"][name] = {
                "computed": False,
                "optional": True,
                "required": False,
                "nesting": nesting,
                "block": nested,
            }

    @staticmethod
    def _function_of(mapping: Mapping) -> str:
        function = re.search(r"(\w+)ToHclTerraform", mapping.value)
        return function[1].lower() if function else ""

    def _class_of(self, made: str) -> str | None:
        """Return the class with the arguments of what a getter makes: a list of them, a map of them, or one."""
        for name in (made, re.sub("(List|Map)$", "OutputReference", made)):
            if name.endswith("OutputReference") and name in self.classes:
                return name
        return None

    @staticmethod
    def _nesting(made: re.Match[str], mapping: Mapping | None) -> str:
        if mapping is not None:
            return "single" if mapping.kind == "struct" else mapping.kind
        if made[1].endswith("Map"):
            return "map"
        return "set" if made[2] == "true" else "list"

    @staticmethod
    def _type_read_by(getter: str) -> Json:
        found = re.search(r"this\.get(\w+?)Attribute\(", getter)
        if found is None:
            return ["map", "string"] if re.search(r"cdktn\.\w*Map\(", getter) else "dynamic"
        read = GETTERS.get(found[1], "dynamic")
        return ["set", read[1]] if "Fn.tolist" in getter and isinstance(read, list) else read


def schema(wheel: Path) -> dict[str, Json]:
    """Return {version, provider, resources, data_sources} of the provider whose bindings the wheel holds."""
    found: dict[str, Json] = {"version": "", "provider": {}, "resources": {}, "data_sources": {}}
    with zipfile.ZipFile(wheel) as archive:
        inner = archive.read(next(name for name in archive.namelist() if name.endswith(".jsii.tgz")))
    for text in _modules(inner):
        type_name, version = TYPE_NAME.search(text), VERSION.search(text)
        if type_name is None:
            continue
        found["version"] = version[1] if version else found["version"]
        source = Source(text)
        for class_name, (base, _) in source.classes.items():
            if base == "TerraformProvider":
                found["provider"] = source.block(class_name)
            elif base in KINDS:
                found[KINDS[base]][type_name[1]] = source.block(class_name)
    _restore_statements(found["resources"])
    return found


def _restore_statements(resources: dict[str, Block]) -> None:
    """The statement of a rule of a web ACL is "any" in the bindings where the rule is inside its ACL or group; where it stands alone they
    have it, but for what stands within itself: `and`, `or` and `not` combine statements, and others narrow down a group's or a rate's."""
    if "aws_wafv2_web_acl_rule" not in resources:
        return
    statement = copy.deepcopy(resources["aws_wafv2_web_acl_rule"]["blocks"]["statement"])
    every = statement["block"]["blocks"]
    combined = {name: every[name] for name in ("and_statement", "or_statement", "not_statement")}
    groups = {name: found for name, found in every.items() if "rate" in name or "group" in name}
    single = {name: found for name, found in every.items() if name not in combined | groups}
    for found in combined.values():
        found["block"]["blocks"]["statement"]["block"] = {"attributes": {}, "blocks": single}
    for found in groups.values():
        if "scope_down_statement" in found["block"]["blocks"]:
            found["block"]["blocks"]["scope_down_statement"]["block"] = {"attributes": {}, "blocks": single | combined}
    for owner in ("aws_wafv2_web_acl", "aws_wafv2_rule_group"):
        rule = resources[owner]["blocks"]["rule"]["block"]
        del rule["attributes"]["statement"]
        rule["blocks"]["statement"] = {**statement, "at_least": 1, "at_most": 1}


def _modules(archive: bytes) -> list[str]:
    """Return the text of each resource type's module; the largest have their nested classes in files of their own beside it."""
    texts: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:
            parts = Path(member.name).parts
            if member.name.endswith(".js") and parts[:2] == ("package", "lib") and len(parts) > 3:
                content = files.extractfile(member)
                texts[parts[2]] = texts.get(parts[2], "") + (content.read().decode() if content else "")
    return list(texts.values())


def cached_schema(wheel: Path, folder: Path) -> Path:
    """Return the file with the wheel's schema; reading all of it takes ten seconds, so it is written once for each version of this file."""
    reader = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    kept = folder / f"{wheel.stem}-{reader}.json.gz"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            unfinished = kept.with_suffix(".unfinished")
            unfinished.write_bytes(gzip.compress(json.dumps(schema(wheel), separators=(",", ":")).encode()))
            unfinished.replace(kept)
    return kept
