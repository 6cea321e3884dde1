"""The documentation page: rendered here from the OpenAPI document, whole in itself, without a script."""

import json
import shlex
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from serve.documentation.guide import guide_html
from serve.documentation.members import members_table, schema_link, text_html
from serve.wire.answer import EVENT_STREAM
from serve.wire.problems import KINDS

_STYLE = Path(__file__).with_name("page.css").read_text()
_LINE_CHARACTERS_MAX = 80
Document = dict[str, Any]


def docs_page(document: Document, base_url: str) -> str:
    """Return the page as HTML; its examples call `base_url`."""
    operations = [
        (method.upper(), path, operation) for path, methods in document["paths"].items() for method, operation in methods.items()
    ]
    tags = [tag["name"] for tag in document["tags"]]
    by_tag = {tag: [entry for entry in operations if entry[2]["tags"] == [tag]] for tag in tags}
    navigation = "".join(_navigation(tag, entries) for tag, entries in by_tag.items())
    sections = "".join(
        f"<h2>{escape(tag)}</h2>" + "".join(_operation(*entry, base_url) for entry in entries) for tag, entries in by_tag.items()
    )
    title = escape(document["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} API</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f'<nav><strong>{title} API</strong><a href="#guide">Guide</a>{navigation}<h3>More</h3>'
        '<a href="#problems">Problems</a><a href="#schemas">Bodies</a>'
        f'<a href="/openapi.json">openapi.json</a></nav><main><h1>{title} API</h1>'
        f"<p>{text_html(document['info']['description'])}</p><section id=guide>{guide_html(base_url)}</section>"
        f"{sections}{_problems()}{_schemas(document)}</main></body></html>\n"
    )


def _navigation(tag: str, entries: list[tuple[str, str, Document]]) -> str:
    links = "".join(
        f'<a href="#{escape(operation["operationId"])}">{_badge(method)} {escape(operation["summary"])}</a>'
        for method, _, operation in entries
    )
    return f"<h3>{escape(tag)}</h3>{links}"


def _badge(method: str) -> str:
    return f'<b class="{method.lower()}">{method}</b>'


def _operation(method: str, path: str, operation: Document, base_url: str) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    parts = [
        f'<section id="{escape(operation["operationId"])}"><h3>{_badge(method)} <code>{escape(path)}</code></h3>',
        f"<p><strong>{escape(operation['summary'])}.</strong> {text_html(operation.get('description', ''))}</p>",
        _parameters(operation.get("parameters", [])),
        f"<p>Body: {schema_link(body['schema'])}</p>" if body else "",
        *(_example(title, command) for title, command in _commands(method, path, operation, body, base_url)),
        _responses(operation["responses"]),
        "</section>",
    ]
    return "".join(parts)


def _parameters(parameters: list[Document]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}"
        f"{', required' if parameter['required'] else ''}</td><td>{text_html(parameter['description'])}</td></tr>"
        for parameter in parameters
    )
    return f"<table><tr><th>Parameter</th><th>In</th><th></th></tr>{rows}</table>"


def _commands(method: str, path: str, operation: Document, body: Document, base_url: str) -> Iterator[tuple[str, str]]:
    """Yield a title and a curl line for every example of the route; at least one."""
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    asked = {
        parameter["name"]: parameter["example"]
        for parameter in parameters
        if parameter["in"] == "query" and "example" in parameter
    }
    path += f"?{urlencode(asked)}" if asked else ""
    options = ["-X", method] if method != "GET" and not body.get("examples") else []
    if EVENT_STREAM.decode() in operation["responses"].get("200", {}).get("content", {}):
        options.append("-N")  # Show what comes as it comes.
    start = ["curl", *options, base_url + path]
    examples = body.get("examples") or {"": None}
    for number, (title, example) in enumerate(examples.items()):
        words = list(start)
        for parameter in parameters:
            if parameter["in"] == "header" and "example" in parameter:
                suffix = f"-{number + 1}" if parameter["required"] else ""
                words += ["-H", f"{parameter['name']}: {parameter['example']}{suffix}"]
        if example:
            words += ["-H", "Content-Type: application/json", "-d", _json(example["value"])]
        yield title, _folded(words)


def _json(value: object) -> str:
    """Return the value on one line if that is short, else indented."""
    line = json.dumps(value)
    return line if len(line) <= _LINE_CHARACTERS_MAX else json.dumps(value, indent=2)


def _folded(words: list[str]) -> str:
    """Return a shell command with one option per line."""
    return " ".join(f"\\\n  {word}" if word in ("-H", "-d") else shlex.quote(word) for word in words)


def _example(title: str, command: str) -> str:
    return f"{f'<p class=note>{escape(title)}</p>' if title else ''}<pre><code>{escape(command)}</code></pre>"


def _responses(responses: dict[str, Document]) -> str:
    rows = "".join(_response(status, response) for status, response in responses.items() if status != "default")
    return f"<table><tr><th>Status</th><th>Answer</th></tr>{rows}</table>"


def _response(status: str, response: Document) -> str:
    if status.startswith("2"):
        contents = response.get("content", {}).items()
        text = " or ".join(
            schema_link(content["schema"]) if "$ref" in content["schema"] else escape(media) for media, content in contents
        )
    else:
        codes = [code.strip("`") for code in response["description"].split()]
        text = " ".join(f'<a href="#problem-{escape(code)}"><code>{escape(code)}</code></a>' for code in codes)
    return f'<tr><td class="s{status[0]}">{status}</td><td>{text}</td></tr>'


def _problems() -> str:
    rows = "".join(
        f'<tr id="problem-{code}"><td><code>{code}</code></td><td>{kind.status}</td><td>{escape(kind.title)}.</td>'
        f"<td>{'yes' if kind.retryable else ''}</td></tr>"
        for code, kind in KINDS.items()
    )
    head = "<tr><th>Code</th><th>Status</th><th>Meaning</th><th>Retryable</th></tr>"
    intro = text_html("Errors are `application/problem+json`; `code` is one of these, `detail` says what to do.")
    return f'<h2 id="problems">Problems</h2><p>{intro}</p><table>{head}{rows}</table>'


def _schemas(document: Document) -> str:
    sections = "".join(
        f'<section id="schema-{escape(name)}"><h3>{escape(name)}</h3><p>{text_html(schema.get("description", ""))}</p>'
        f"{members_table(schema)}</section>"
        for name, schema in document["components"]["schemas"].items()
    )
    return f'<h2 id="schemas">Bodies</h2>{sections}'
