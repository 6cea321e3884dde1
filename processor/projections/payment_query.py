"""The SQL of one page of payments.

Each source is a scan in the list's order that ends after one page, wherever an index has that order; the sources are merged.
Only places are looked for, so that a filter with an index of its own needs nothing but that index. Which scan is the cheapest for
several filters is PostgreSQL's choice, from the values asked for.
"""

import msgspec

from processor.core.ids import Place
from processor.projections.payment_filters import PaymentFilters

_ORDER = "ORDER BY at DESC, shard DESC, sequence DESC, index DESC"
_SOURCES = {
    "all": "payments WHERE true",
    "from": "payments WHERE legs IS NULL AND from_account = {account}",
    "to": "payments WHERE legs IS NULL AND to_account = {account}",
    # Unqualified, a place is the one of the table before USING: so the scan of that table is in order and ends early.
    "legs": "payment_accounts JOIN payments USING (at, shard, sequence, index) WHERE account = {account}",
    "currencies": (
        "payment_currencies JOIN payments USING (at, shard, sequence, index) WHERE payment_currencies.currency = {currency}"
    ),
}
_ONE_CURRENCY = " AND payments.currency = {currency}"
_ANY_CURRENCY = (
    " AND (payments.currency = {currency} OR EXISTS (SELECT FROM payment_currencies AS other WHERE other.currency = {currency}"
    " AND (other.at, other.shard, other.sequence, other.index)"
    " = (payments.at, payments.shard, payments.sequence, payments.index)))"
)
_PAGE = """
SELECT at, shard, sequence, index, status, from_account, to_account, amount, currency, legs, held, captured, refunded,
    expires_at, reference, metadata, changed
FROM ({places}) AS found
JOIN payments USING (at, shard, sequence, index)
{order}
"""
_CONDITIONS = {
    "status": "status = {status}",
    "reference": "reference = {reference}",
    "created_gte": "at >= {created_gte}",
    "created_lt": "at < {created_lt}",
    "amount_gte": "amount >= {amount_gte}",
    "amount_lte": "amount <= {amount_lte}",
    "metadata": "metadata @> {metadata}::text::jsonb",
}


class PaymentQuery:
    """One page's statement: its `text` and its `arguments`."""

    def __init__(self, filters: PaymentFilters, after: Place | None, limit: int) -> None:
        """Ask for the newest payments that match, only those that come `after` the place in the list."""
        self.arguments: list[object] = []
        self._filters = filters
        given = {name: value for name, value in msgspec.structs.asdict(filters).items() if value is not None}
        if "metadata" in given:
            given["metadata"] = msgspec.json.encode(given["metadata"]).decode()
        self._parameters = {name: self._add(value) for name, value in given.items()}
        self._parameters["limit"] = self._add(limit)
        conditions = [text for name, text in _CONDITIONS.items() if name in given]
        conditions += [] if "status" in given else ["status IS NOT NULL"]
        if after is not None:
            # The columns are integers of two sizes; as bigint, a doctored cursor cannot be out of their range.
            place = ", ".join(f"{self._add(number)}::bigint" for number in after)
            conditions.append(f"(at, shard, sequence, index) < ({place})")
        self._shared = "".join(f" AND {condition}" for condition in conditions)
        self.text = _PAGE.format(places=self._places(), order=_ORDER)

    def _places(self) -> str:
        """Return the sources whose union has the payments that match, none twice."""
        both = self._filters.currency is not None
        if self._filters.account is not None:
            one, several = (_ONE_CURRENCY, _ANY_CURRENCY) if both else ("", "")
            sources = [("from", one), ("to", one), ("legs", several)]
        elif both:
            sources = [("all", _ONE_CURRENCY), ("currencies", "")]
        else:
            sources = [("all", "")]
        selects = [self._source(name, condition) for name, condition in sources]
        return selects[0] if len(selects) == 1 else f"{' UNION ALL '.join(selects)} {_ORDER} LIMIT {self._parameters['limit']}"

    def _source(self, name: str, condition: str) -> str:
        text = f"(SELECT at, shard, sequence, index FROM {_SOURCES[name]}{condition}{self._shared} {_ORDER} LIMIT {{limit}})"
        return text.format(**self._parameters)

    def _add(self, value: object) -> str:
        self.arguments.append(value)
        return f"${len(self.arguments)}"
