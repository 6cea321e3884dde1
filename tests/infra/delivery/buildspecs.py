"""CodeBuild's build specifications: which keys there are, and what is wrong with one.

The keys are those of version 0.2 that CodeBuild's reference names; an unknown one would be ignored, or end the build before it begins.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[3]
FOLDER = TOP / "deploy" / "delivery"

_PHASE = {"run-as", "on-failure", "commands", "finally"}
_ARTIFACTS = {
    "files",
    "name",
    "discard-paths",
    "base-directory",
    "exclude-paths",
    "enable-symlinks",
    "s3-prefix",
    "secondary-artifacts",
}
_KEYS = {
    "": {"version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"},
    "env": {"shell", "variables", "parameter-store", "secrets-manager", "exported-variables", "git-credential-helper"},
    "phases": {"install", "pre_build", "build", "post_build"},
    "phases.install": _PHASE | {"runtime-versions"},
    "phases.pre_build": _PHASE,
    "phases.build": _PHASE,
    "phases.post_build": _PHASE,
    "artifacts": _ARTIFACTS,
    "cache": {"paths", "key", "fallback-keys", "action"},
}
_MADE_BY_CODEBUILD = re.compile(r"^(CODEBUILD_\w+|AWS_REGION|PATH)$")


def buildspecs() -> dict[str, dict[str, Any]]:
    """Return all build specifications by the names of their files."""
    return {path.name: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yml"))}


def faults(spec: dict[str, Any]) -> list[str]:
    """Return what CodeBuild would not understand."""
    found = [] if spec.get("version") == 0.2 else ["version must be 0.2"]
    for place, keys in _KEYS.items():
        inside: Any = spec
        for step in place.split("."):
            inside = inside.get(step, {}) if step else inside
        found += [f"{place or 'the file'} has no key {key}" for key in sorted(inside.keys() - keys)]
    if not spec.get("phases", {}).get("build", {}).get("commands"):
        found.append("the phase build has no commands")
    return found


def commands(spec: dict[str, Any]) -> Iterator[str]:
    """Yield all commands."""
    for phase in spec["phases"].values():
        for part in ("commands", "finally"):
            yield from (str(command) for command in phase.get(part, ()))


def files_called(spec: dict[str, Any]) -> set[str]:
    """Return the files of the repository that commands name: scripts, locks, modules."""
    text = "\n".join(commands(spec))
    modules = {name.replace(".", "/") + ".py" for name in re.findall(r"python3? -m (deploy\.[\w.]+)", text)}
    return modules | set(re.findall(r"\bdeploy/[\w./-]+", text))


def make_targets(spec: dict[str, Any]) -> set[str]:
    """Return the targets of the Makefile that commands call."""
    return set(re.findall(r"^make ([\w-]+)", "\n".join(commands(spec)), re.M))


def variables_read(spec: dict[str, Any]) -> set[str]:
    """Return the variables that commands read and neither set themselves nor get from CodeBuild."""
    text = "\n".join(commands(spec))
    read = set(re.findall(r"\$\{?([A-Z][A-Z0-9_]*)", text)) | set(re.findall(r"environ\[[\"'](\w+)", text))
    return {name for name in read if not _MADE_BY_CODEBUILD.match(name)} - spec.get("env", {}).get("variables", {}).keys()
