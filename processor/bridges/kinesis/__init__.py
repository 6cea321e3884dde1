"""The bridge to Kinesis Data Streams."""
