"""Payment instructions from an SQS queue: each is paid once, whatever happens to its message."""

from processor.bridges.instructions.work import Instructions

__all__ = ["Instructions"]
