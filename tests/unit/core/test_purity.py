"""The core reads no clock, draws nothing at random, and touches nothing outside itself: its source says so."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import processor.core.ledger

FOLDER = Path(processor.core.ledger.__file__).parent
SOURCES = sorted(FOLDER.glob("*.py"))

ALLOWED_MODULES = {
    "collections", "collections.abc", "enum", "functools", "hashlib", "heapq", "msgspec", "operator", "struct", "sys", "typing", "zlib",
}  # fmt: skip
ALLOWED_NAMES = {"sys": {"intern"}, "hashlib": {"sha256"}, "zlib": {"crc32"}, "functools": {"lru_cache", "partial"}}
"""Of these modules only these names: the rest of them reads the machine or the process."""

FORBIDDEN_CALLS = {
    "open", "print", "input", "exec", "eval", "compile", "__import__", "id", "hash", "breakpoint", "globals", "vars",
    "time", "time_ns", "monotonic", "perf_counter", "now", "utcnow", "today", "sleep",
    "random", "randint", "choice", "shuffle", "uuid1", "uuid4", "urandom", "token_bytes", "getenv", "getpid",
}  # fmt: skip


def violations_in(source: str) -> Iterator[str]:
    """Yield what in the source makes its outcome depend on more than its arguments."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                yield f"line {node.lineno}: it is asynchronous"
            case ast.Import(names=names):
                yield from (f"line {node.lineno}: imports {name.name}" for name in names if name.name != "msgspec")
            case ast.ImportFrom(module=module, names=names):
                yield from _import_violations(module or "", [name.name for name in names], node.lineno)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in FORBIDDEN_CALLS:
                yield f"line {node.lineno}: calls {name}"
            case ast.Global() | ast.Nonlocal():
                yield f"line {node.lineno}: keeps state outside its objects"
            case ast.Constant(value=float()):
                yield f"line {node.lineno}: uses a floating point number"
            case ast.BinOp(op=ast.Div()):
                yield f"line {node.lineno}: divides into a floating point number"


def _import_violations(module: str, names: list[str], line: int) -> Iterator[str]:
    if module == "processor.core" or module.startswith("processor.core."):
        return
    if module not in ALLOWED_MODULES:
        yield f"line {line}: imports from {module}"
    elif module in ALLOWED_NAMES:
        yield from (f"line {line}: imports {name} from {module}" for name in names if name not in ALLOWED_NAMES[module])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_core_is_pure(path: Path) -> None:
    assert list(violations_in(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import os",
        "import logging",
        "from asyncio import sleep",
        "from datetime import datetime",
        "from sys import argv",
        "from processor.journal.interface import Journal",
        "from processor.clock import now_microseconds",
        "import ray",
        "open('file')",
        "print(1)",
        "clock.now()",
        "async def wait(): pass",
        "x = 1.5",
        "x = a / b",
    ],
)
def test_this_test_sees_what_is_impure(source: str) -> None:
    assert list(violations_in(source)) != []


def test_there_is_something_to_look_at() -> None:
    assert {"ledger.py", "shard.py", "travel.py", "legs.py"} <= {path.name for path in SOURCES}
