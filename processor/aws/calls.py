"""Calls of one AWS client from an event loop: boto3 blocks, so they run in threads of their own, and fail with one sentence."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from processor.aws.clients import aws_client
from processor.aws.errors import ERRORS, error_code, explain, fault_of
from processor.aws.failed import AwsFailed
from processor.settings import Settings

__all__ = ["AwsCalls", "AwsFailed"]


class AwsCalls:
    """The calls of one service, at most `threads` at a time."""

    def __init__(
        self, settings: Settings, service: str, threads: int, read_timeout_seconds: float | None = None,
        prepare: Callable[[Any], None] | None = None, validates: bool = True,
    ) -> None:  # fmt: skip
        """`prepare` is called with a client that was made; the rest is as `aws_client` has it."""
        self._settings = settings
        self._service = service
        self._read_timeout_seconds = read_timeout_seconds
        self._prepare = prepare
        self._validates = validates
        self._number = threads
        self._threads: ThreadPoolExecutor | None = None
        self._client: Any = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Make the client. Raises AwsFailed if the settings or the credentials cannot be used."""
        async with self._opening:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._number, f"aws-{self._service}")
            if self._client is None:
                timeout, validates = self._read_timeout_seconds, self._validates
                make = partial(aws_client, self._settings, self._service, read_timeout_seconds=timeout, validates=validates)
                client = await self.run(make, f"AWS {self._service}")
                if self._prepare is not None:
                    self._prepare(client)
                self._client = client

    async def call(self, operation: str, target: str, **arguments: Any) -> dict[str, Any]:
        """Call an operation by boto3's name for it, such as `send_message_batch`, and return its answer.

        `target` is what is called, in words for an error: `the SQS queue payments-instructions`. Raises AwsFailed. A call that is
        cancelled goes on in its thread.
        """
        if self._client is None:
            raise RuntimeError("call `open` first")
        answer: dict[str, Any] = await self.run(partial(getattr(self._client, operation), **arguments), target)
        return answer

    async def run(self, function: Callable[[], Any], target: str) -> Any:
        """Run something that blocks, and raises what boto3 raises, in one of the threads. Raises AwsFailed."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function)
        except ERRORS as error:
            raise AwsFailed(explain(error, target), fault_of(error), error_code(error)) from error

    def close(self) -> None:
        """Let the connections go, until `open` is called again. Calls under way end by themselves."""
        threads, client = self._threads, self._client
        self._threads = self._client = None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
        if client is not None:
            client.close()
