"""The Dockerfile and what goes into the image, as far as that can be known without building it."""

import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from tests.infra.kuberay.manifests import FOLDER, ROOT, groups, manifests, pods

DOCKERFILE = FOLDER / "Dockerfile"
IGNORED = ROOT / ".dockerignore"


class Instruction(NamedTuple):
    """One instruction: `COPY`, and what follows it."""

    name: str
    rest: str


def instructions(dockerfile: str) -> list[Instruction]:
    """Return a Dockerfile's instructions, with continued lines put together and comments left out."""
    lines = "\n".join(line for line in dockerfile.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def copied(dockerfile: str) -> list[str]:
    """Return the paths of the repository that the build copies."""
    found = [one.rest.split() for one in instructions(dockerfile) if one.name == "COPY" and "--from=" not in one.rest]
    return [source for words in found for source in words[:-1]]


def is_sent(path: str, ignored: str) -> bool:
    """Return whether a path goes to the builder: the last line of the .dockerignore that is about it decides."""
    sent = True
    for line in ignored.splitlines():
        pattern = line.removeprefix("!")
        parts = [path, *(str(parent) for parent in Path(path).parents)]
        deep = pattern.removeprefix("**/")
        about = any(fnmatch(part, pattern) for part in parts) or (
            deep != pattern and any(fnmatch(Path(p).name, deep) for p in parts)
        )
        if line and not line.startswith("#") and about:
            sent = line.startswith("!")
    return sent


def problems(dockerfile: str, ignored: str) -> Iterator[str]:
    """Yield what is wrong with the Dockerfile, in sentences."""
    found = instructions(dockerfile)
    arguments = [one.rest for one in found if one.name == "ARG"]
    bases = [one.rest.split()[0] for one in found if one.name == "FROM"]
    if any(base != "${PYTHON_IMAGE}" for base in bases) or arguments != ["PYTHON_IMAGE"]:
        yield "every stage begins with PYTHON_IMAGE, which has no default, so that whoever builds names a digest"
    users = [one.rest for one in found if one.name == "USER"]
    wanted = {f"{pods(group)['securityContext']['runAsUser']}:10001" for group in groups(manifests("production")).values()}
    if set(users[-1:]) != wanted:
        yield f"the image's user is {users[-1:]}, the pods' {sorted(wanted)}"
    if any(one.name == "ADD" for one in found):
        yield "ADD fetches and unpacks things; COPY does neither"
    if "--require-hashes" not in dockerfile or "--only-binary=:all:" not in dockerfile:
        yield "packages are installed by their hashes, and nothing is compiled"
    last = max(number for number, one in enumerate(found) if one.name == "FROM")
    for one in found[last:]:
        if one.name == "COPY" and "--from=" not in one.rest:
            yield f"the last stage copies {one.rest} past the build"
        if "pip " in one.rest or "apt" in one.rest:
            yield f"the last stage installs: {one.rest}"
    yield from _copied_too_little_or_too_much(dockerfile, ignored)


def _copied_too_little_or_too_much(dockerfile: str, ignored: str) -> Iterator[str]:
    trusted = {Path(line.rpartition("=")[2]) for line in _trusted_authorities()}
    for path in sorted(trusted - {Path("/opt/payments") / Path(path).name for path in copied(dockerfile)}):
        yield f"settings name {path}, and the image has no such file"
    for path in copied(dockerfile):
        if not (ROOT / path).exists():
            yield f"there is no {path} to copy"
        if not is_sent(path, ignored):
            yield f"{path} is kept back by .dockerignore"
    for secret in (".git/config", ".payments/postgres/password", "payments.toml", ".venv/bin/python", ".env", "tests/aws.py"):
        if is_sent(secret, ignored):
            yield f"{secret} is sent to the builder"


def _trusted_authorities() -> list[str]:
    settings = [path.read_text().splitlines() for path in FOLDER.glob("overlays/*/settings.env")]
    return [line for lines in settings for line in lines if line.startswith("PGSSLROOTCERT=")]


def selected_packages() -> str:
    """Return the image's part of requirements.lock."""
    command = ["python3", str(FOLDER / "select_requirements.py")]
    lock = (ROOT / "requirements.lock").read_bytes()
    return subprocess.run(command, input=lock, cwd=ROOT, check=True, capture_output=True).stdout.decode()
