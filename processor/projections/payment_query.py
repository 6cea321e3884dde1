"""The SQL that finds one page of payments.

Each source is a scan in the list's order that ends after one page, wherever an index has that order; the sources are merged.
Only places are looked for, so that a filter with an index of its own needs nothing but that index.

Amounts and metadata have indexes, but not in the list's order, and PostgreSQL's guess of how many payments match is often wrong:
a list that it believes to be filled soon may read the whole table. So nothing is left to the guess. `window_statement` tells how far
back the newest payments go that may be looked through one by one, and `page_statement` looks there. If that did not fill the page,
`search_statement` collects all that match since some instant and sorts them, by whichever indexes bring them at the least cost.
"""

import msgspec

from processor.core.ids import Place
from processor.projections.payment_filters import PaymentFilters

WINDOW_PAYMENTS = 5_000
# Payments of one account lie on as many pages, those of an instant side by side.
SCATTERED_WINDOW_PAYMENTS = 2_000
_PLACE = "at, shard, sequence, index"
_ORDER = "ORDER BY at DESC, shard DESC, sequence DESC, index DESC"
_FROM = {
    "all": "payments WHERE true",
    "from": "payments WHERE legs IS NULL AND from_account = {account}",
    "to": "payments WHERE legs IS NULL AND to_account = {account}",
    # Unqualified, a place is the one of the table before USING: so the scan of that table is in order and ends early.
    "legs": f"payment_accounts JOIN payments USING ({_PLACE}) WHERE account = {{account}}",
    "currencies": f"payment_currencies JOIN payments USING ({_PLACE}) WHERE payment_currencies.currency = {{currency}}",
}
# For bounds: the indexes know which payments are shown, except for that of all payments, and as a bound any payment will do.
_BOUNDS_FROM = {
    "all": "payments WHERE status IS NOT NULL",
    "from": f"{_FROM['from']} AND status IS NOT NULL",
    "to": f"{_FROM['to']} AND status IS NOT NULL",
    "legs": "payment_accounts WHERE account = {account}",
    "currencies": "payment_currencies WHERE currency = {currency}",
}
_ONE_CURRENCY = " AND payments.currency = {currency}"
_ANY_CURRENCY = (
    " AND (payments.currency = {currency} OR EXISTS (SELECT FROM payment_currencies AS other WHERE other.currency = {currency}"
    " AND (other.at, other.shard, other.sequence, other.index)"
    " = (payments.at, payments.shard, payments.sequence, payments.index)))"
)
_CONDITIONS = {
    "status": "status = {status}",
    "reference": "reference = {reference}",
    "created_gte": "at >= {created_gte}",
    "created_lt": "at < {created_lt}",
    "amount_gte": "amount >= {amount_gte}",
    "amount_lte": "amount <= {amount_lte}",
    "metadata": "metadata @> {metadata}::text::jsonb",
}
_UNORDERED = ("amount_gte", "amount_lte", "metadata")
_ROWS = f"""
SELECT {_PLACE}, status, from_account, to_account, amount, currency, legs, held, captured, refunded, expires_at, reference,
    metadata, changed
FROM (%s) AS found
JOIN payments USING ({_PLACE})
{_ORDER}
"""


class Statement(msgspec.Struct, frozen=True):
    """A statement and its arguments."""

    text: str
    arguments: list[object]


class _Writer:
    """Writes the sources of one statement, out of these tables, and collects its arguments."""

    def __init__(self, filters: PaymentFilters, after: Place | None, tables: dict[str, str]) -> None:
        self.arguments: list[object] = []
        self._tables = tables
        given = _given(filters)
        self._sources = _sources(given)
        if "metadata" in given:
            given["metadata"] = msgspec.json.encode(given["metadata"]).decode()
        self._parameters = {name: self.add(value) for name, value in given.items()}
        self._conditions = [text for name, text in _CONDITIONS.items() if name in given]
        if after is not None:
            self.require("<", after)

    def require(self, sign: str, place: Place) -> None:
        """Take only payments whose places compare so to this one."""
        # The columns are integers of two sizes; as bigint, a doctored cursor cannot be out of their range.
        values = [f"{self.add(number)}::bigint" for number in place]
        # The first condition follows from the second, but the small index of times knows only such ones.
        self._conditions += [f"at {sign}= {values[0]}", f"({_PLACE}) {sign} ({', '.join(values)})"]

    def require_shown(self) -> None:
        """Take only payments that are decided."""
        self._conditions.append("status IS NOT NULL")

    def union(self, ends: str) -> str:
        """Return the union of the sources, which has each matching payment once; each of them `ends` so."""
        return " UNION ALL ".join(self._select(name, condition, ends) for name, condition in self._sources)

    def merged(self, limit: str) -> str:
        """Return the first payments of the sources, of which no more than so many are read from each."""
        sources = self.union(f"{_ORDER} {limit}")
        return sources if len(self._sources) == 1 else f"{sources} {_ORDER} {limit}"

    def add(self, value: object) -> str:
        """Return the name of a new parameter with this value."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    def _select(self, name: str, condition: str, ends: str) -> str:
        shared = "".join(f" AND {condition}" for condition in self._conditions)
        source = f"{self._tables[name]}{condition}{shared}".format(**self._parameters)
        return f"(SELECT {_PLACE} FROM {source} {ends})"


def needs_window(filters: PaymentFilters) -> bool:
    """Return whether the list has a filter whose index is not in the list's order."""
    return any(name in _given(filters) for name in _UNORDERED)


def window_statement(filters: PaymentFilters, after: Place | None) -> Statement:
    """Return what finds the place up to which a page is looked for, going back; none: all of the list may be looked through.

    It goes by the one filter that narrows the list most, and has an index in the list's order. `newest` is where the list begins.
    """
    given = _given(filters)
    narrowest = [name for name in ("reference", "account", "status", "currency") if name in given and given[name] != "succeeded"]
    kept = {name: given[name] for name in (*narrowest[:1], "created_gte", "created_lt") if name in given}
    writer = _Writer(msgspec.convert(kept, PaymentFilters), after, _BOUNDS_FROM if narrowest else _FROM)
    sources = writer.union(f"{_ORDER} OFFSET {SCATTERED_WINDOW_PAYMENTS if narrowest else WINDOW_PAYMENTS} LIMIT 1")
    newest = "(SELECT max(at) FROM payments) AS newest"
    return Statement(f"SELECT {_PLACE}, {newest} FROM ({sources}) AS ends {_ORDER} LIMIT 1", writer.arguments)


def page_statement(filters: PaymentFilters, after: Place | None, limit: int, floor: Place | None = None) -> Statement:
    """Return what finds the newest payments that match, those that come `after` the one place and before `floor` in the list."""
    writer = _Writer(filters, after, _FROM)
    writer.require_shown()
    if floor is not None:
        writer.require(">", floor)
    return Statement(_ROWS % writer.merged(f"LIMIT {writer.add(limit)}"), writer.arguments)


def search_statement(filters: PaymentFilters, after: Place | None, since: int | None, limit: int) -> Statement:
    """Return what finds the same by collecting all that match `since` the instant (None: ever), however many."""
    if since is not None:
        filters = msgspec.structs.replace(filters, created_gte=max(since, filters.created_gte or 0))
    writer = _Writer(filters, after, _FROM)
    writer.require_shown()
    matching = f"WITH matching AS MATERIALIZED ({writer.union('')}) SELECT {_PLACE} FROM matching"
    return Statement(_ROWS % f"{matching} {_ORDER} LIMIT {writer.add(limit)}", writer.arguments)


def _given(filters: PaymentFilters) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(filters).items() if value is not None}


def _sources(given: dict[str, object]) -> list[tuple[str, str]]:
    """Return where the payments are, with the conditions that differ between the sources."""
    if "account" in given:
        one, several = (_ONE_CURRENCY, _ANY_CURRENCY) if "currency" in given else ("", "")
        return [("from", one), ("to", one), ("legs", several)]
    if "currency" in given:
        return [("all", _ONE_CURRENCY), ("currencies", "")]
    return [("all", "")]
