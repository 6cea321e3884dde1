"""The two tables of the transaction records, column by column. Columns are only ever added, at the end.

`entries` has every line on every account, and a line without a direction wherever an account's reservations change and nothing is
posted: so an account's newest line says how it stands, posted and pending. `events` has every published event once, and with the
payments' events their whole lives: a payment's newest event says how it stands.

Amounts are integers in minor units, times UTC. An event's name is `shard:sequence:event_index`; a line's is that and `line`. Columns
avoid the words that SQL dialects reserve. A file's date and currency can be told from its rows too, because a load into Redshift sees
nothing else of it.
"""

import pyarrow as pa

ENTRIES = "entries"
EVENTS = "events"

_TIME = pa.timestamp("us", tz="UTC")
_NAME = [("shard", pa.int32()), ("sequence", pa.int64()), ("event_index", pa.int32())]

SCHEMAS: dict[str, pa.Schema] = {
    ENTRIES: pa.schema(
        [
            *_NAME,
            ("line", pa.int32()),
            ("recorded_at", _TIME),
            ("payment_id", pa.string()),  # null: an account was opened
            ("operation", pa.string()),  # payment, hold, capture, void, expiry, refund, reversal
            ("account", pa.string()),
            ("currency", pa.string()),
            ("direction", pa.string()),  # debit, credit; null: nothing was posted, the amount is 0
            ("amount", pa.int64()),
            ("posted_after", pa.int64()),  # after this line
            ("pending_in_after", pa.int64()),  # these three: after the event; null where an early version did not record it
            ("pending_out_after", pa.int64()),
            ("available_after", pa.int64()),
        ]
    ),
    EVENTS: pa.schema(
        [
            *_NAME,
            ("recorded_at", _TIME),
            ("type", pa.string()),
            ("subject", pa.string()),
            ("payment_id", pa.string()),
            ("account", pa.string()),  # of account.* alone
            ("operation", pa.string()),
            ("status", pa.string()),  # of the payment, or of the account
            ("from_account", pa.string()),  # null if the legs differ in it, as are the next two
            ("to_account", pa.string()),
            ("currency", pa.string()),
            ("amount", pa.int64()),  # sums over the legs; null if these differ in currency, or beyond 64 bits
            ("held", pa.int64()),
            ("captured", pa.int64()),
            ("refunded", pa.int64()),
            ("moved", pa.int64()),  # by this operation
            ("legs", pa.string()),  # JSON: [{"from", "to", "amount", "currency"}, ...]
            ("moved_by_leg", pa.string()),  # JSON: [1, 2, ...]
            ("mode", pa.string()),
            ("reference", pa.string()),
            ("metadata", pa.string()),  # JSON: {"name": "value"}, of the payment or the account
            ("created_at", _TIME),
            ("expires_at", _TIME),
            ("reason", pa.string()),
            ("code", pa.string()),  # why something was refused, as in the HTTP contract
            ("request_id", pa.string()),
            ("refused_leg", pa.int32()),
            ("refused_side", pa.string()),
            ("refused_condition", pa.int32()),
            ("min_balance", pa.int64()),
            ("max_balance", pa.int64()),
        ]
    ),
}
