"""Whether there is anybody to send webhooks to."""

from processor.bridges.queries import Fetch, load_queries

WEBHOOKS = "webhooks"
"""The bridge that no setting names: it runs as soon as there is an endpoint."""

_QUERIES = load_queries("webhook_endpoints.sql")


async def has_webhook_endpoints(fetch: Fetch) -> bool:
    """Return whether a webhook endpoint has been made. Raises JournalUnavailable."""
    [table] = await fetch(_QUERIES["has_table"])
    if not table["has_table"]:
        return False
    [row] = await fetch(_QUERIES["has_endpoints"])
    found: bool = row["has_endpoints"]
    return found
