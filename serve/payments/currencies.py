"""Which currencies there are: the ISO 4217 table, less the codes without a minor unit (XAU, XTS, XXX and their like).

Amounts are counted in minor units, so a code that has none cannot be used.
"""

from iso4217 import Currency

MINOR_UNIT_DIGITS: dict[str, int] = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
"""Currency code to the number of decimal digits of its minor unit: EUR 2, JPY 0, KWD 3."""
