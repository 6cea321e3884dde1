"""The SQL of this package."""

from processor.journal.postgres.queries import load_queries as load_queries_of


def load_queries(file_name: str) -> dict[str, str]:
    """Return the queries of one file under sql/ by name."""
    return load_queries_of(file_name, __package__)
