"""Checks of our own reasoning, which stay on in production: a ledger that halts can be repaired, one that lies cannot."""


class Broken(Exception):
    """The program's own rules do not hold. The host that sees this halts and recovers from the journal."""


def ensure(condition: bool, what: str) -> None:
    """Raise Broken, saying what should have been so, unless the condition holds."""
    if not condition:
        raise Broken(what)
