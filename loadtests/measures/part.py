"""What one process of the generator leaves behind when it ends."""

from pathlib import Path

import msgspec

from loadtests.measures.measurements import Measurements
from loadtests.scenarios.plan import Plan


class Part(msgspec.Struct, frozen=True):
    """The plan as it was run, what was measured in the last run, and the books of all runs of this process.

    `accepted` counts the accepted requests by template, `accepted_items` lists (template, place in its batch) where a batch was
    accepted in part. `unresolved` lists the requests whose outcome the process does not know.
    """

    plan: Plan
    process: int
    measurements: Measurements
    accepted: dict[int, int]
    accepted_items: list[tuple[int, int]]
    unresolved: list[int]

    def write(self) -> None:
        """Write it into the plan's folder, whole or not at all. Raises OSError."""
        path = Path(self.plan.folder) / f"part-{self.process}.msgpack"
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_bytes(msgspec.msgpack.encode(self))
        unfinished.rename(path)


def take_parts(folder: Path) -> list[Part]:
    """Return the parts in the folder, which are removed from it. Raises OSError, msgspec.MsgspecError."""
    paths = sorted(folder.glob("part-*.msgpack"))
    parts = [msgspec.msgpack.decode(path.read_bytes(), type=Part) for path in paths]
    for path in paths:
        path.unlink()
    return parts
