"""Which payments a list shows."""

import msgspec

from processor.core.messages import PaymentStatus

_INTEGER_MAX = 2**63 - 1


class BadFilter(ValueError):
    """A filter that no payment can have. The message is one line that says what to do."""


class PaymentFilters(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment must be to be listed; None: whatever it is.

    `account` is on either side of any leg, `currency` that of any leg. Times are in microseconds; `created_lt` is exclusive, the
    others include their value. `amount` is the sum over the legs; payments in several currencies have none, so they never match.
    The payment must have all pairs of `metadata`. Raises BadFilter.
    """

    account: str | None = None
    status: PaymentStatus | None = None
    reference: str | None = None
    currency: str | None = None
    created_gte: int | None = None
    created_lt: int | None = None
    amount_gte: int | None = None
    amount_lte: int | None = None
    metadata: dict[str, str] | None = None

    def __post_init__(self) -> None:
        """Refuse what the database could not even be asked."""
        for name in ("account", "reference", "currency"):
            _require_text(name, getattr(self, name))
        for name in ("created_gte", "created_lt", "amount_gte", "amount_lte"):
            value = getattr(self, name)
            if value is not None and not -_INTEGER_MAX <= value <= _INTEGER_MAX:
                raise BadFilter(f"{name}: use a number up to 2^63 - 1")
        for key, value in (self.metadata or {}).items():
            _require_text("metadata", key)
            _require_text("metadata", value)


def _require_text(name: str, text: str | None) -> None:
    if text is not None and any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise BadFilter(f"{name}: leave out the characters that are not text (zero, lone surrogates)")
