"""Why a message got no answer, named for what the caller does next."""


class LedgerError(Exception):
    """No answer."""


class Overloaded(LedgerError):
    """Queues are full and nothing was done: send again after `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(f"overloaded, try again in {retry_after_seconds:.1f} s")
        self.retry_after_seconds = retry_after_seconds


class ShardUnavailable(LedgerError):
    """The shard has no owner at the moment and nothing was done: send again after `retry_after_seconds`."""

    def __init__(self, shard: int, retry_after_seconds: float) -> None:
        super().__init__(f"shard {shard} is moving or recovering, try again in {retry_after_seconds:.1f} s")
        self.shard = shard
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(LedgerError):
    """The message may have taken effect: send it again with the same idempotency key to learn."""
