"""What clients send and get back, checked by pydantic as FastAPI users do."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from pydantic import BaseModel, Field

AMOUNT_MAX = 2**53 - 1
AccountId = Annotated[str, Field(pattern="^[A-Za-z0-9_.:-]{1,64}$")]


class PaymentRequest(BaseModel):
    """The body of a payment; `amount` in minor units."""

    payer: Annotated[AccountId, Field(alias="from")]
    payee: Annotated[AccountId, Field(alias="to")]
    amount: Annotated[int, Field(gt=0, le=AMOUNT_MAX, strict=True)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]


class PaymentView(BaseModel):
    """The answer to a payment that was made, now or by an earlier request with the same key."""

    id: str
    status: Literal["succeeded"] = "succeeded"


class Refused(Exception):
    """The rules refuse the payment, and nothing has changed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


Pay = Callable[[str, PaymentRequest], Awaitable[str]]
"""Makes the payment once for its idempotency key and returns its id, when it is durable. Raises Refused."""
