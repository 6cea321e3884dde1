"""What is where: the names that the failover needs, from a TOML file."""

import tomllib
from pathlib import Path
from typing import Literal

import msgspec


class BadLandscape(Exception):
    """The file cannot be used. The message says why."""


class Region(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the two regions. `writer_role`: the role of the pods that append to the journal. `nodes`: the size of each node group while
    the region is in charge."""

    region: str
    database_cluster: str
    cluster: str
    writer_role: str
    nodes: dict[str, int]


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What withdraws the record of the region that Route 53 prefers: a metric, and the alarm that follows it (terraform/modules/edge)."""

    preferred_region: str
    region: str
    alarm: str
    name: str


class Landscape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both regions: `old` is given up, `new` takes over. `journal`: where the ledger is written now."""

    account_id: str
    journal: Literal["postgres", "mirrored"]
    journal_table: str
    shards: int
    global_cluster: str
    switch: Switch
    old: Region
    new: Region

    def database_arn(self, region: Region) -> str:
        """Return the ARN of a region's database cluster."""
        return f"arn:aws:rds:{region.region}:{self.account_id}:cluster:{region.database_cluster}"

    def table_arn(self, region: Region) -> str:
        """Return the ARN of the journal's table, or of its copy, in a region."""
        return f"arn:aws:dynamodb:{region.region}:{self.account_id}:table/{self.journal_table}"

    def role_arn(self, region: Region) -> str:
        """Return the ARN of the role that appends in a region."""
        return f"arn:aws:iam::{self.account_id}:role/{region.writer_role}"

    def turned(self) -> "Landscape":
        """Return the same for the way back."""
        return msgspec.structs.replace(self, old=self.new, new=self.old)


def read_landscape(path: Path) -> Landscape:
    """Return what the file says. Raises BadLandscape."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), Landscape)
    except (OSError, ValueError) as error:  # msgspec's and tomllib's own are ValueErrors too
        raise BadLandscape(f"{path} cannot be used: {error}") from error
