"""The exception of a load test."""


class CannotRun(Exception):
    """The load could not be put on the instance, or what was measured is lost. The message is one line."""
