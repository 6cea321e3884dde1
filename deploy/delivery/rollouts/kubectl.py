"""Talks to the cluster through kubectl, which does the login and the server-side apply that a Python client would have to be taught."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any

NAMESPACE = "payments"
MANAGER = "payments-delivery"

Document = dict[str, Any]


class KubectlFailed(Exception):
    """kubectl has refused. The message says what was asked, and kubectl's own words."""


class Kubectl:
    """One cluster, as the kubeconfig of this process names it."""

    def __init__(self, program: Sequence[str] = ("kubectl",)) -> None:
        self._program = list(program)

    def apply(self, documents: Sequence[Document]) -> None:
        """Make the cluster have these objects. What others have written to the same fields is taken over: the repository is right."""
        whole = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        # Server-side: the manifest of a RayService is larger than the annotation in which kubectl would else keep it.
        self.run("apply", "--server-side", "--force-conflicts", f"--field-manager={MANAGER}", "-f", "-", text=json.dumps(whole))

    def get(self, kind: str, name: str) -> Document | None:
        """Return an object of the namespace; None: there is none."""
        found = self.run("get", kind, name, f"--namespace={NAMESPACE}", "--ignore-not-found", "--output=json")
        document: Document | None = json.loads(found) if found.strip() else None
        return document

    def delete(self, kind: str, name: str) -> None:
        """Delete an object of the namespace, and what belongs to it, and wait until it is gone. Nothing happens if there is none."""
        self.run(
            "delete", kind, name, f"--namespace={NAMESPACE}", "--ignore-not-found", "--cascade=foreground", "--wait=true", "--timeout=600s"
        )  # fmt: skip

    def run(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl and return what it says. Raises KubectlFailed."""
        done = subprocess.run([*self._program, *arguments], input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise KubectlFailed(f"kubectl {' '.join(arguments[:3])}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout
