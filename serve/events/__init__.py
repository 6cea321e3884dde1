"""Streams of published events over HTTP."""
