"""The route table: one file per resource, each with its handlers and the entries that describe them."""
