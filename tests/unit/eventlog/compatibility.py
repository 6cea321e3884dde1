"""Whether a JSON Schema may take the place of another under the same name.

Two promises: what consumers were written against stays true of every new event, and the old events that they have kept stay valid.
So a member may be added as long as it is not required, and a choice of values may grow; everything else is a problem.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_TEXTS = frozenset(("$schema", "$id", "$defs", "title", "description", "examples", "default"))
_HANDLED = frozenset(("$ref", "type", "properties", "required", "enum", "items", "anyOf", "additionalProperties", "const"))


def problems(old: Schema, new: Schema) -> list[str]:
    """Return what consumers of `old` would stumble over, each as a path and what is wrong there."""
    return list(_compare(old, new, old, new, ""))


def _compare(old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str) -> Iterator[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    if "anyOf" in old or "anyOf" in new:
        yield from _compare_choices(old, new, old_root, new_root, path)
        return
    if old.get("type") != new.get("type"):
        yield f"{path or '/'}: the type {old.get('type')} has become {new.get('type')}"
        return
    if old.get("const") != new.get("const"):
        yield f"{path}: the constant {old.get('const')} has become {new.get('const')}"
    if ("enum" in old) != ("enum" in new):
        yield f"{path}: a choice of values has {'gone' if 'enum' in old else 'come'}"
    elif missing := set(old.get("enum", ())) - set(new.get("enum", ())):
        yield f"{path}: the values {sorted(missing)} were removed"
    for keyword in sorted((old.keys() | new.keys()) - _TEXTS - _HANDLED):
        if old.get(keyword) != new.get(keyword):
            yield f"{path}: {keyword} was {old.get(keyword)} and is {new.get(keyword)}"
    if old.get("additionalProperties", True) is not False and new.get("additionalProperties", True) is False:
        yield f"{path}: further members have been forbidden"
    yield from _compare_members(old, new, old_root, new_root, path)
    for keyword in ("items", "additionalProperties"):
        before, after = old.get(keyword), new.get(keyword)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _compare(before, after, old_root, new_root, f"{path}/{keyword}")
        elif isinstance(before, dict) != isinstance(after, dict):
            yield f"{path}: {keyword} was {before} and is {after}"


def _compare_members(old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, member in before.items():
        if name not in after:
            yield f"{path}/{name}: it was removed"
        else:
            yield from _compare(member, after[name], old_root, new_root, f"{path}/{name}")
    was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(was_required - is_required):
        yield f"{path}/{name}: it may now be missing"
    for name in sorted(is_required - was_required):
        yield f"{path}/{name}: it is now required, and old events lack it"


def _compare_choices(old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str) -> Iterator[str]:
    """Every alternative needs its like on the other side."""
    before = [_resolved(each, old_root) for each in old.get("anyOf", [old])]
    after = [_resolved(each, new_root) for each in new.get("anyOf", [new])]
    if len(before) != len(after):
        yield f"{path}: there were {len(before)} alternatives and are {len(after)}"
        return
    for each, other in zip(before, after, strict=True):
        yield from _compare(each, other, old_root, new_root, path)


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema
