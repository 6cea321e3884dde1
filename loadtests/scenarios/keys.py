"""The idempotency keys of a run."""


def key_of(run: str, process: int, number: int) -> bytes:
    """Return the key of a process's operation; in a batch its payments' keys begin so."""
    return b"%b.%d.%d" % (run.encode(), process, number)
