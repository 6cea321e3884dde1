"""Transaction records in S3: the journal's events as Parquet, for analysts and auditors."""

from processor.bridges.s3.sink import S3Sink

__all__ = ["S3Sink"]
