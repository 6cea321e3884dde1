"""The proxy that fails as AWS does, as a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from processor.local.ports import free_port

ROOT = Path(__file__).parents[3]


class Faults:
    """One running proxy in front of an endpoint."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def share(self, share: float) -> None:
        """Let so much of all requests fail from now on."""
        httpx.get(f"{self.url}/_faults", params={"share": share}).raise_for_status()

    def counts(self) -> dict[str, int]:
        """Return how many requests went which way."""
        counts: dict[str, int] = httpx.get(f"{self.url}/_faults").json()
        return counts


@contextmanager
def faults_in_front_of(target_url: str, seed: int) -> Iterator[Faults]:
    """Run the proxy; nothing fails before it is told so."""
    port = free_port()
    command = [sys.executable, "-m", "tests.system.events.faulty_endpoint", target_url, str(port), str(seed), "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Faults(port)
    finally:
        process.kill()
        process.wait()
