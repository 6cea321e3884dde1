"""Parquet files of the transaction records."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from processor.bridges.s3.manifest import DataFile
from processor.bridges.s3.rows import Partition, Row
from processor.bridges.s3.tables import SCHEMAS
from processor.wire_values import rfc3339

NO_CURRENCY = "__HIVE_DEFAULT_PARTITION__"
"""How partitioned folders write null."""
_ROWS_MAX = 128 * 1024
"""Of a row group: what is read at a time."""


class Written(NamedTuple):
    """A file and its bytes."""

    file: DataFile
    content: bytes

    @property
    def checksum(self) -> str:
        """The SHA-256 as S3 takes it."""
        return b64encode(bytes.fromhex(self.file.sha256)).decode()


def write_file(partition: Partition, rows: Sequence[Row]) -> Written:
    """Return the file with these rows. Raises pyarrow.ArrowException or OverflowError if a value does not fit its column."""
    schema = SCHEMAS[partition.table]
    columns = [_column(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)]
    buffer = BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), buffer, compression="zstd", row_group_size=_ROWS_MAX)
    content = buffer.getvalue()
    digest = sha256(content).hexdigest()
    currency = partition.currency if partition.currency is not None else NO_CURRENCY
    time = rfc3339(rows[0].recorded_at).replace("-", "").replace(":", "")
    # The name tells the content, so that files of different content never meet, and a repeat finds its own file there.
    key = f"{partition.table}/date={partition.date}/currency={currency}/{time}-{digest[:32]}.parquet"
    return Written(DataFile(key, *partition, len(rows), len(content), digest), content)


def _column(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)
