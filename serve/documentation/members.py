"""JSON schemas as HTML: the members of a body, and links between bodies."""

import re
from html import escape
from typing import Any

_ENUM_SHOWN_MAX = 8


def text_html(text: str) -> str:
    """Return prose as HTML, with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(text.split())))


def members_table(schema: dict[str, Any]) -> str:
    """Return the table of an object's members."""
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_type(member)}</td>"
        f"<td>{'required' if name in required else ''}</td><td>{_remarks(member)}</td></tr>"
        for name, member in schema.get("properties", {}).items()
    )
    return f"<table><tr><th>Member</th><th>Type</th><th></th><th></th></tr>{rows}</table>" if rows else ""


def schema_link(schema: dict[str, Any]) -> str:
    """Return a link to the body that the schema refers to."""
    name = schema["$ref"].rsplit("/", 1)[1]
    return f'<a href="#schema-{escape(name)}">{escape(name)}</a>'


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return schema_link(schema)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_type, schema["anyOf"])))
    if "enum" in schema and len(schema["enum"]) <= _ENUM_SHOWN_MAX:
        return " ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if "additionalProperties" in schema:
        return f"object of {_type(schema['additionalProperties'])}s" if schema["additionalProperties"] else "object"
    return escape(str(schema.get("type", "")))


def _remarks(schema: dict[str, Any]) -> str:
    parts = [text_html(part["description"]) for part in (schema, *schema.get("anyOf", [])) if "description" in part]
    if "default" in schema:
        parts.append(f"default <code>{escape(str(schema['default']).replace('None', 'null'))}</code>")
    return "; ".join(dict.fromkeys(parts))
