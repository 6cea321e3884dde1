"""Real Terraform, offline, on a copy of terraform/: nothing is written into the working tree, and no test calls AWS."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.infra.terraform.bindings import cached_schema

TOP = Path(__file__).parents[3]
TOOLS = TOP / ".venv-infra"
# What is kept from run to run.
BUILD = TOP / "build" / "terraform"
# Where modules are tested; environments say it themselves.
ACCOUNT, REGION = "123456789012", "eu-central-1"
NOT_COPIED = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*", "__pycache__")
# State is kept beside the configuration instead of in a bucket.
LOCAL_BACKEND = 'terraform {\n  backend "local" {}\n}\n'


class Refused(Exception):
    """Terraform does not accept a configuration. The text is what it says."""


class Resource(NamedTuple):
    """One resource, or one answer of a data source, with the values that are planned."""

    address: str
    mode: str
    type: str
    values: dict[str, Any]


class Plan(NamedTuple):
    """What an environment plans: all resources and answers of data sources, and its outputs by name."""

    resources: list[Resource]
    outputs: dict[str, Any]


@contextmanager
def running_provider(tree: Path) -> Iterator[dict[str, str]]:
    """Run a schema-only provider; yield, for each folder of the tree and each way to use it, what tells Terraform to do so."""
    wheels = {wheel.name.split("-")[0].removeprefix("cdktn_provider_"): wheel for wheel in (TOOLS / "schemas").glob("*.whl")}
    request = {
        "schemas": {name: str(cached_schema(wheel, BUILD)) for name, wheel in wheels.items()},
        "uses": {
            use(folder.relative_to(tree), invents): {
                "account": account(folder),
                "region": region(folder),
                "types": types(folder),
                "invents": invents,
            }
            for folder in folders(tree)
            for invents in (False, True)
        },
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as asked:
        json.dump(request, asked)
        asked.flush()
        program = [TOOLS / "bin/python", Path(__file__).with_name("provider.py"), asked.name]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin and process.stdout
            try:
                line = process.stdout.readline()
                assert line, "the provider did not start; what it says stands above"
                yield {folder: json.dumps(attach) for folder, attach in json.loads(line).items()}
            finally:
                process.stdin.close()


def use(folder: Path, invents: bool = False) -> str:
    """Return the name of the provider that serves a folder, and leaves unknown what AWS would assign, or invents it."""
    return f"{folder} {'with invented values' if invents else 'with unknown values'}"


def folders(tree: Path) -> list[Path]:
    """Return all modules, then all environments, and what else is applied by itself."""
    found = {file.parent for file in tree.rglob("*.tf") if ".terraform" not in file.parts}
    return sorted(found, key=lambda folder: (folder.parent.name != "modules", folder))


def types(folder: Path, seen: frozenset[Path] = frozenset()) -> list[str]:
    """Return the types of resources and data sources in a folder, and in the modules that it uses."""
    folder = folder.resolve()
    text = "".join(file.read_text() for pattern in ("*.tf", "tests/*.hcl") for file in folder.glob(pattern))
    found = set(re.findall(r'^\s*(?:resource|data|mock_resource|mock_data)\s+"(\w+)"', text, re.MULTILINE))
    for file in folder.glob("*.tf.json"):
        found.update(json.loads(file.read_text()).get("resource", {}))
    for source in re.findall(r'source\s+= "(\.[^"]+)"', text):
        if (used := (folder / source).resolve()) not in seen:
            found.update(types(used, seen | {folder}))
    return sorted(found)


def account(folder: Path) -> str:
    """Return the account of an environment."""
    return _said(folder / "terraform.tfvars", r'^account_id\s+= "(\d+)"') or ACCOUNT


def region(folder: Path) -> str:
    """Return the region of an environment's first provider."""
    return _said(folder / "providers.tf", r'^\s+region\s+= "([a-z0-9-]+)"') or REGION


def _said(file: Path, pattern: str) -> str | None:
    found = re.search(pattern, file.read_text(), re.MULTILINE) if file.exists() else None
    return found[1] if found else None


class Terraform:
    """Terraform on one tree, which is a copy of the repository's terraform/."""

    def __init__(self, tree: Path, provider: Mapping[str, str]) -> None:
        self.tree = tree
        self._provider = provider

    @classmethod
    def on_copy(cls, folder: Path, provider: Mapping[str, str], source: Path = TOP) -> Self:
        """Copy terraform/ into a folder; what its files read outside of terraform/ is linked."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source / "terraform", folder / "terraform", ignore=NOT_COPIED)
        for beside in ("deploy", "processor"):
            (folder / beside).symlink_to(TOP / beside)
        return cls(folder / "terraform", provider)

    def change(self, file: str, old: str, new: str) -> None:
        """Replace a text that occurs exactly once in a file of the tree, however it is spaced there."""
        path = self.tree / file
        pattern = r"\s+".join(map(re.escape, old.split()))
        text, count = re.subn(pattern, lambda _: new, path.read_text())
        assert count == 1, f"{file} has {count} times: {old}"
        path.write_text(text)

    def forget_order(self) -> None:
        """Let nothing wait for a whole module: data that wait could not be read from a plan."""
        for file in (self.tree / "environments").glob("*/*.tf"):
            file.write_text(re.sub(r"^\s+depends_on\s+= \[module\.[^]]*\]\n", "", file.read_text(), flags=re.MULTILINE))

    def unformatted(self) -> list[str]:
        """Return the files that `terraform fmt` would change."""
        return self._run(self.tree, "fmt", "-check", "-recursive", "-list=true", fails=True).stdout.split()

    def problems(self, folder: str) -> list[str]:
        """Return what `terraform validate` finds in a module or an environment."""
        self._init(folder)
        found = json.loads(self._run(self.tree / folder, "validate", "-json", fails=True).stdout)
        return [_sentence(diagnostic) for diagnostic in found["diagnostics"]]

    def refusal(self, folder: str) -> str:
        """Return why an environment cannot be planned; an empty text if it can."""
        self._init(folder)
        return _errors(self._run(self.tree / folder, "plan", "-json", "-input=false", fails=True).stdout)

    def planned(self, folder: str) -> Plan:
        """Return what an environment plans, with invented values where AWS would assign them. Raise Refused."""
        self._init(folder)
        here = self.tree / folder
        errors = _errors(self._run(here, "plan", "-json", "-input=false", "-out=plan", fails=True, invents=True).stdout)
        if errors:
            raise Refused(errors)
        shown = json.loads(self._run(here, "show", "-json", "plan", invents=True).stdout)
        values = shown["planned_values"]
        answered = shown.get("prior_state", {}).get("values", {}).get("root_module", {})
        resources = [*_resources(values["root_module"]), *_resources(answered)]
        return Plan(resources, {name: output.get("value") for name, output in values.get("outputs", {}).items()})

    def tested(self, folder: str) -> str:
        """Run a module's `terraform test` files; return the summary. Raise Refused."""
        self._init(folder)
        result = self._run(self.tree / folder, "test", "-no-color", fails=True)
        if result.returncode:
            raise Refused(result.stdout + result.stderr)
        return result.stdout.strip().splitlines()[-1]

    def _init(self, folder: str) -> None:
        here = self.tree / folder
        text = "".join(file.read_text() for file in here.glob("*.tf"))
        if re.search(r'^\s*backend "', text, re.MULTILINE):
            (here / "backend_override.tf").write_text(LOCAL_BACKEND)
        aliases = re.search(r"configuration_aliases\s+= \[([^]]*)\]", text)
        if aliases:  # what calls a module gives it these; alone it cannot be validated without
            blocks = [
                f'provider "{kind}" {{\n  alias = "{alias}"\n}}\n' for kind, alias in re.findall(r"(\w+)\.(\w+)", aliases[1])
            ]
            (here / "aliases.tf").write_text("".join(blocks))
        result = self._run(here, "init", "-no-color", "-input=false", fails=True)
        if result.returncode:
            raise Refused(result.stdout + result.stderr)

    def _run(self, here: Path, *arguments: str, fails: bool = False, invents: bool = False) -> subprocess.CompletedProcess[str]:
        """Run Terraform. `fails`: the caller looks at how it ended."""
        no_configuration = self.tree.parent / "terraformrc"
        no_configuration.touch()
        environment = os.environ | {
            "TF_REATTACH_PROVIDERS": self._provider.get(use(here.relative_to(self.tree), invents), "{}"),
            "TF_CLI_CONFIG_FILE": str(no_configuration),
            "TF_DATA_DIR": str(here / ".terraform"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
        program = ["terraform", f"-chdir={here}", *arguments]
        result = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
        assert fails or result.returncode == 0, result.stdout + result.stderr
        return result


def _resources(module: dict[str, Any]) -> Iterator[Resource]:
    for found in module.get("resources", []):
        yield Resource(found["address"], found["mode"], found["type"], found.get("values", {}))
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _sentence(diagnostic: dict[str, Any]) -> str:
    place = diagnostic.get("range", {})
    where = f"{place['filename']}:{place['start']['line']}: " if place else ""
    return f"{where}{diagnostic['summary']}. {diagnostic.get('detail', '')}"


def _errors(lines: str) -> str:
    messages = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
    return "\n".join(_sentence(message["diagnostic"]) for message in messages if message.get("diagnostic"))
