"""The transaction records as DuckDB reads them: through the lists that Athena's tables point at, with nothing else adapted."""

import re
from pathlib import Path
from typing import Any

import duckdb

from processor.bridges.s3.tables import SCHEMAS
from tests.contract.recording import Recording

ANALYTICS = Path(__file__).parents[2] / "deploy" / "analytics"
Rows = list[tuple[Any, ...]]


def statements(file: Path) -> list[str]:
    """Return the statements of an SQL file, without comments."""
    text = "\n".join(line for line in file.read_text().splitlines() if not line.lstrip().startswith("--"))
    return [statement.strip() for statement in text.split(";") if statement.strip()]


async def open_lake(scene: Recording, folder: Path) -> duckdb.DuckDBPyConnection:
    """Return a database with the two tables and the views of `views.sql`."""
    lake = duckdb.connect()
    lake.execute("SET TimeZone = 'UTC'")
    for table in SCHEMAS:
        files = [await _download(scene, url, folder) async for url in listed(scene, table)]
        # What Athena makes of the folder in which a list stands.
        lake.execute(
            f"CREATE VIEW {table} AS SELECT * EXCLUDE filename, regexp_extract(filename, 'date=([0-9-]+)', 1) AS \"date\""
            f" FROM read_parquet({files}, filename = true, hive_partitioning = false, union_by_name = true)"
        )
    for statement in statements(ANALYTICS / "views.sql"):
        lake.execute(statement)
    return lake


async def listed(scene: Recording, table: str) -> Any:
    """Yield the URLs that Athena's table reads."""
    [location] = re.findall(rf"'s3://\$\{{bucket\}}/(athena/{table}/)'", (ANALYTICS / "athena" / "tables.sql").read_text())
    async for key, _ in scene.bucket.list(location):
        content = await scene.bucket.get(key)
        assert content is not None
        for url in content.decode().splitlines():
            assert key.split("/")[2] == url.split("/")[4], "a list stands in the folder of its files' day"
            yield url


async def _download(scene: Recording, url: str, folder: Path) -> str:
    key = url.removeprefix(f"s3://{scene.settings.s3_bucket}/")
    content = await scene.bucket.get(key)
    assert content is not None
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def ask(lake: duckdb.DuckDBPyConnection, query: str, *parameters: str) -> Rows:
    """Return the rows of one of the example queries."""
    [statement] = statements(ANALYTICS / "queries" / f"{query}.sql")
    rows: Rows = lake.execute(statement, parameters).fetchall()
    return rows
