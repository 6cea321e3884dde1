"""What Terraform makes of `locals`, without any provider."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.infra.programs import program

TOP = Path(__file__).parents[3]
MODULES = TOP / "terraform" / "modules"


def evaluated(text: str, name: str, folder: Path, variables: str = "") -> Any:
    """Return the value of `local.<name>`. The text is that of a module's file: the block of `locals` with this name may use what stands in
    itself, in `variables`, and the files of `deploy/`."""
    here = folder / "terraform" / "modules" / "tested"
    here.mkdir(parents=True)
    folder.joinpath("deploy").symlink_to(TOP / "deploy")
    blocks = re.findall(r"^locals \{$.*?^\}$", text, re.MULTILINE | re.DOTALL)
    [block] = [block for block in blocks if re.search(rf"^  {name}\s+=", block, re.MULTILINE)]
    here.joinpath("tested.tf").write_text(f"{block}\n{variables}\n")
    settings = folder / "terraformrc"
    settings.write_text("disable_checkpoint = true\n")
    done = subprocess.run(
        [program("terraform"), "console"],
        input=f"jsonencode(local.{name})\n",
        cwd=here,
        env=os.environ | {"TF_CLI_CONFIG_FILE": str(settings)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith('"'), done.stdout + done.stderr
    return json.loads(json.loads(done.stdout))
