"""The currencies that can be used."""

from iso4217 import Currency

from serve.bodies.operations import CurrenciesBody, CurrencyBody
from serve.payments.currencies import MINOR_UNIT_DIGITS
from serve.routes.route import Route
from serve.wire.answer import Answer, encode_json
from serve.wire.request import Request

_BODY = encode_json(
    CurrenciesBody(
        [CurrencyBody(code, digits, Currency(code).currency_name) for code, digits in sorted(MINOR_UNIT_DIGITS.items())]
    )
)


async def read_currencies(request: Request) -> Answer:
    """Read every currency with its minor unit."""
    return Answer(200, _BODY)


ROUTES = (
    Route(
        "GET", "/v1/currencies", read_currencies, "List the currencies", "Ledger", {200: CurrenciesBody},
        "The ISO 4217 table, less the codes without a minor unit. `minor_unit_digits` says how many decimal digits an amount has: "
        "1000 is 10.00 EUR, 1000 JPY, 1.000 KWD.",
        None, (), ("invalid_parameter",),
    ),
)  # fmt: skip
