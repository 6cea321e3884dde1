"""The one exception of the bench."""


class BenchFailed(Exception):
    """A measurement cannot be trusted or could not be made. The message is one line."""
