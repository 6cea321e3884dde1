"""Every command of the guide and of the README runs as it stands, and answers what is said there."""

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serve.documentation.guide import GUIDE, WRITTEN_URL
from tests.system.ledger.api import Api

README = (Path(__file__).parents[3] / "README.md").read_text()
_BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PRINTS = "# prints "
_OPENED = re.compile(r'"id": "([\w:]+)"')


def script_of(text: str, url: str, name: Callable[[str], str]) -> str:
    """Return a shell script of all blocks that call the API, which stops where an answer lacks what is said of it.

    Accounts are called what `name` makes of what the text calls them: others may use (and close) theirs in the same ledger.
    """
    lines = ["set -u", "answer=$(mktemp)", "trap 'rm -f $answer' EXIT"]
    for block in _BLOCK.findall(text):
        if "curl " in block and WRITTEN_URL in block:
            lines += _checked(block.replace(WRITTEN_URL, url))
    script = "\n".join(lines)
    for opened in set(_OPENED.findall(script)):
        script = re.sub(rf"(?<![\w:.]){re.escape(opened)}(?![\w:.])", name(opened), script)
    return script


def _checked(block: str) -> Iterator[str]:
    commands: list[str] = []
    for line in block.splitlines():
        if not line.startswith(_PRINTS):
            commands.append(line)
            continue
        expected = shlex.quote(line.removeprefix(_PRINTS))
        yield from ("{", *commands, "} >$answer")
        yield f"grep -qF -e {expected} $answer || {{ printf 'not %s but: ' {expected}; cat $answer; exit 1; }}"
        commands = []
    yield from commands


@pytest.mark.parametrize("text", [GUIDE, README], ids=["guide", "README"])
def test_every_command_answers_what_is_said_of_it(text: str, api: Api) -> None:
    assert text.count(_PRINTS) >= 5
    done = subprocess.run(
        ["bash", "-c", script_of(text, str(api.base_url), api.name)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
