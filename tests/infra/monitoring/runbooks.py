"""Runbooks, and what can be wrong with one: at three in the morning nobody wants to find that a command does not exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import click

from processor.cli.main import payments
from processor.settings import Settings
from serve.routes.table import route_table

ROOT = Path(__file__).parents[3]
RUNBOOKS = ROOT / "deploy" / "runbooks"
SECTIONS = ["What it means", "What clients see", "Look", "Act", "Afterwards", "Rehearsed"]
KUBECTL_VERBS = {"get", "describe", "logs", "delete", "exec", "top", "port-forward"}
# Of the AWS command line alone, without an operation of the API of the same name.
AWS_OWN = {("logs", "tail")}

_BLOCKS = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_TABLES = re.compile(r"\b((?:payments|projections)\.[a-z_]+)\b")
_SQL_TABLES = re.compile(r"CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?(?:payments\.|projections\.)?(\w+)")


def runbooks(folder: Path = RUNBOOKS) -> dict[str, str]:
    """Return all runbooks' texts by the name of the alarm."""
    return {path.stem: path.read_text() for path in sorted(folder.glob("*.md")) if path.stem != "README"}


def problems_of(name: str, text: str) -> list[str]:
    """Return what is wrong with one, in words."""
    found = []
    if text.splitlines()[0] != f"# {name}":
        found.append("the title is not the alarm's name")
    if re.findall(r"^## (.+)$", text, re.MULTILINE) != SECTIONS:
        found.append("the sections are not those of all runbooks")
    if any(not part.strip() for part in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]):
        found.append("a section is empty")
    for command in commands(text):
        problem = _problem_of(command)
        if problem:
            found.append(f"`{command}`: {problem}")
    schema = tables()
    found += [f"there is no table {table}" for table in sorted(set(_TABLES.findall(sql(text))) - schema)]
    settings = {f"PAYMENTS_{field.upper()}" for field in Settings.__struct_fields__}
    found += [f"{word} is not a setting" for word in sorted(set(re.findall(r"\bPAYMENTS_[A-Z_]+\b", text)) - settings)]
    found += [
        f"there is no {path}" for path in re.findall(r"`((?:deploy|terraform)/[\w./-]+)`", text) if not (ROOT / path).exists()
    ]
    others = set(re.findall(r"\bPayments[A-Z][A-Za-z]+\b", text))
    found += [f"there is no runbook {other}" for other in sorted(others) if not (RUNBOOKS / f"{other}.md").exists()]
    return found


def commands(text: str) -> Iterator[str]:
    """Return all commands of a runbook: lines of its blocks, and what stands in backticks and begins like one."""
    candidates = [line for block in _BLOCKS.findall(text) for line in block.splitlines()]
    candidates += _INLINE.findall(_BLOCKS.sub("", text))
    for candidate in candidates:
        command = candidate.removeprefix("$ ").strip()
        if re.match(r"(payments|kubectl|aws|curl|make) [a-z-]", command):
            yield command


def sql(text: str) -> str:
    """Return all that is SQL in a runbook: blocks that begin so, and what stands in backticks."""
    candidates = [*_BLOCKS.findall(text), *_INLINE.findall(_BLOCKS.sub("", text))]
    return "\n".join(each for each in candidates if re.match(r"\s*(SELECT|DELETE|UPDATE|CREATE|ALTER)\b", each))


def tables() -> set[str]:
    """Return the names of all tables in the program's SQL, with both schemas."""
    files = [path.read_text() for path in (ROOT / "processor").rglob("*.sql")]
    names = {name for text in files for name in _SQL_TABLES.findall(text)}
    return {f"{schema}.{name}" for schema in ("payments", "projections") for name in names}


def _problem_of(command: str) -> str | None:
    words = shlex.split(command, comments=True)
    first_part = words[: words.index("|")] if "|" in words else words
    program, *arguments = first_part
    match program:
        case "payments":
            return _payments_problem(payments, arguments)
        case "kubectl":
            return _kubectl_problem(arguments)
        case "aws":
            return _aws_problem(arguments)
        case "curl":
            return _curl_problem(arguments)
        case "make":
            targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
            return None if arguments[0] in targets else f"there is no target {arguments[0]}"
    raise AssertionError(program)


def _payments_problem(command: click.Command, arguments: list[str]) -> str | None:
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        if arguments[0] not in command.commands:
            return f"there is no command {arguments[0]}"
        command, arguments = command.commands[arguments[0]], arguments[1:]
    try:
        # Its values are checked as well, but nothing is run.
        command.make_context("payments", list(arguments), resilient_parsing=False)
    except click.UsageError as error:
        return error.format_message()
    except click.exceptions.Exit:
        return None
    return None


def _kubectl_problem(arguments: list[str]) -> str | None:
    rest = arguments[2:] if arguments[0] == "-n" else arguments
    return None if rest[0] in KUBECTL_VERBS else f"kubectl {rest[0]} is not used in runbooks"


def _aws_problem(arguments: list[str]) -> str | None:
    service, operation, *options = arguments
    if (service, operation) in AWS_OWN:
        return None
    session = botocore.session.get_session()
    if service not in session.get_available_services():
        return f"AWS has no service {service}"
    model = session.get_service_model(service)
    operations = {_dashed(name): name for name in model.operation_names}
    if operation not in operations:
        return f"{service} has no operation {operation}"
    shape = model.operation_model(operations[operation]).input_shape
    known = {f"--{_dashed(name)}" for name in (shape.members if shape else ())} | {"--query", "--region", "--output"}
    unknown = {option for option in options if option.startswith("--")} - known
    return f"{operation} has no {', '.join(sorted(unknown))}" if unknown else None


def _dashed(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def _curl_problem(arguments: list[str]) -> str | None:
    paths = [re.sub(r"^https?://[^/]+", "", argument) for argument in arguments if "/" in argument]
    routes = [re.sub(r"\{\w+\}", "[^/]+", route.path) for route in route_table()]
    for path in paths:
        if not any(re.fullmatch(route, path.partition("?")[0]) for route in routes):
            return f"the API has no {path}"
    return None
