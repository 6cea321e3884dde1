"""The bucket of the transaction records. Objects are written once, and never changed or removed: it works with Object Lock."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

from processor.aws.calls import AwsCalls, AwsFailed
from processor.aws.errors import Fault
from processor.bridges.sink import SinkUnavailable
from processor.settings import Settings

_AT_ONCE = 16
_CONFLICTS = ("PreconditionFailed", "412")


class Conflict(Exception):
    """An object with this key is there, and it is another one. The message is one sentence."""


class Bucket:
    """The bucket that the settings name. Everything raises SinkUnavailable if S3 cannot be used, or not for this."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.s3_bucket
        self._calls = AwsCalls(settings, "s3", min(_AT_ONCE, settings.aws_max_pool_connections))
        # What is on its way is in memory: only so many at a time.
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def open(self) -> None:
        """Connect, and check that the bucket is there."""
        try:
            await self._calls.open()
        except AwsFailed as error:
            raise SinkUnavailable(str(error)) from error
        await self._call("head_bucket", f"the S3 bucket {self.name}")

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object unless it is there already. Raises Conflict if what is there has other content."""
        checksum = b64encode(sha256(content).digest()).decode()
        try:
            async with self._turns:
                # S3 compares the checksum with what has arrived.
                await self._object_call(
                    "put_object", key, Body=content, ContentType=content_type, ChecksumSHA256=checksum, IfNoneMatch="*"
                )
        except AwsFailed as error:
            if error.code not in _CONFLICTS:
                raise SinkUnavailable(str(error)) from error
            if await self.get(key) != content:
                raise Conflict(f"{self.url(key)} is there and has other content") from error

    async def get(self, key: str) -> bytes | None:
        """Return an object's content, or None if there is no such object."""
        try:
            async with self._turns:
                answer = await self._object_call("get_object", key)
                content: bytes = await self._calls.run(answer["Body"].read, self.url(key))
                return content
        except AwsFailed as error:
            if error.code in ("NoSuchKey", "404"):
                return None
            raise SinkUnavailable(str(error)) from error

    async def has(self, key: str) -> bool:
        """Return whether there is such an object."""
        try:
            await self._object_call("head_object", key)
        except AwsFailed as error:
            if error.fault is Fault.MISSING:
                return False
            raise SinkUnavailable(str(error)) from error
        return True

    async def list(self, prefix: str) -> AsyncIterator[tuple[str, int]]:
        """Yield the keys under a prefix in their order, with the objects' sizes in bytes."""
        more: dict[str, str] = {}
        while True:
            answer = await self._call("list_objects_v2", f"the S3 bucket {self.name}", Prefix=prefix, **more)
            for each in answer.get("Contents", ()):
                yield each["Key"], each["Size"]
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def url(self, key: str) -> str:
        """Return what everybody calls the object."""
        return f"s3://{self.name}/{key}"

    def close(self) -> None:
        """Let the connections go."""
        self._calls.close()

    async def _object_call(self, operation: str, key: str, **arguments: Any) -> dict[str, Any]:
        return await self._calls.call(operation, self.url(key), Bucket=self.name, Key=key, **arguments)

    async def _call(self, operation: str, target: str, **arguments: Any) -> dict[str, Any]:
        try:
            return await self._calls.call(operation, target, Bucket=self.name, **arguments)
        except AwsFailed as error:
            raise SinkUnavailable(str(error)) from error
