"""The bridge to SNS: every event as a notification, which subscribers choose by filter policies."""

from processor.bridges.sns.sink import SnsSink

__all__ = ["SnsSink"]
