"""Published events as CloudEvents 1.0 in JSON (https://github.com/cloudevents/spec)."""

from processor.eventlog.event import PublishedEvent


def encode_event(event: PublishedEvent) -> bytes:
    """Return the event as one JSON object on one line."""
    raise NotImplementedError
