"""The one exception of the local system."""


class CannotStart(Exception):
    """A part of the local system did not start, or did not stay up. The message is one line that says what to do."""
