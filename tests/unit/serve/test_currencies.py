"""The currencies that can be used, with the digits of their minor units."""

import httpx
import pytest

pytestmark = pytest.mark.anyio


async def test_every_currency_is_listed_with_its_minor_unit(bare_api: httpx.AsyncClient) -> None:
    answer = await bare_api.get("/v1/currencies")
    assert answer.status_code == 200
    digits = {row["code"]: row["minor_unit_digits"] for row in answer.json()["data"]}
    assert (digits["EUR"], digits["JPY"], digits["KWD"], digits["CLF"]) == (2, 0, 3, 4)
    assert not {"XAU", "XTS", "XXX"} & digits.keys()
    assert len(digits) > 150
