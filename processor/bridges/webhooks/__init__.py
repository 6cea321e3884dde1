"""Webhooks: events are sent to the URLs that clients have registered, signed after Standard Webhooks 1.0.0, until they are taken."""
