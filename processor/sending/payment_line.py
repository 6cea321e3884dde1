"""One row of a payment file, checked as far as that needs no ledger."""

import re

import msgspec

from processor.sending.payment_file import BadRow, Row

MAXIMUM_AMOUNT = 2**63 - 1
MAXIMUM_JSON_INTEGER = 2**53 - 1
MAXIMUM_REFERENCE_CHARACTERS = 255
_KEY = re.compile(r"[!-~]{1,255}")
_ACCOUNT = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_AMOUNT = re.compile(r"[1-9][0-9]{0,18}")
_CURRENCY = re.compile(r"[A-Z]{3}")


class PaymentLine(msgspec.Struct, frozen=True, gc=False):
    """A payment ready to be sent: the number of its line, its `from` account, its JSON."""

    number: int
    from_account: str
    body: bytes


class _Body(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    idempotency_key: str
    from_account: str = msgspec.field(name="from")
    to: str
    amount: int | str
    currency: str
    reference: str | None = None


_encode = msgspec.json.Encoder().encode


def check_row(row: Row) -> PaymentLine | BadRow:
    """Return the payment in the row, or what is wrong with it."""
    key, from_account, to_account, amount, currency, reference = row.cells
    wrong = _first_fault(row.cells)
    if wrong:
        return BadRow(row.number, wrong)
    # Above 2^53-1 as text, since a JSON integer would lose digits on its way through other programs.
    value = int(amount)
    sent = value if value <= MAXIMUM_JSON_INTEGER else amount
    return PaymentLine(row.number, from_account, _encode(_Body(key, from_account, to_account, sent, currency, reference or None)))


def _first_fault(cells: list[str]) -> str | None:
    key, from_account, to_account, amount, currency, reference = cells
    if not _KEY.fullmatch(key):
        return (
            "idempotency_key is empty" if not key else f"idempotency_key {_shown(key)} is not 1 to 255 visible ASCII characters"
        )
    for name, account in (("from", from_account), ("to", to_account)):
        if not _ACCOUNT.fullmatch(account):
            return f"{name} {_shown(account)} is not an account id: 1 to 64 of A-Z a-z 0-9 _ . : -"
    if not _AMOUNT.fullmatch(amount) or int(amount) > MAXIMUM_AMOUNT:
        return f"amount {_shown(amount)} is not a whole number of minor units from 1 to {MAXIMUM_AMOUNT}"
    if not _CURRENCY.fullmatch(currency):
        return f"currency {_shown(currency)} is not three capital letters, such as EUR"
    if len(reference) > MAXIMUM_REFERENCE_CHARACTERS:
        return f"reference has {len(reference)} characters; at most {MAXIMUM_REFERENCE_CHARACTERS} are allowed"
    return None


def _shown(text: str) -> str:
    # Quoted and cut: the text may hold line breaks, escape codes, or a whole other file.
    return repr(text if len(text) <= 40 else text[:40] + "...")
