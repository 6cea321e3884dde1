"""The HTTP side that all FastAPI peers share: one route, one lifespan."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse

from loadtests.peers.services.request import Pay, PaymentRequest, PaymentView, Refused

PATH = "/v1/payments"
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255)]


def create_app(open_payer: Callable[[], AbstractAsyncContextManager[Pay]]) -> FastAPI:
    """Return the application; what `open_payer` gives makes its payments from the start to the end of the server."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_payer() as pay:
            app.state.pay = pay
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post(PATH, status_code=201, response_model=PaymentView)
    async def create_payment(request: Request, body: PaymentRequest, key: IdempotencyKey) -> Response:
        view = PaymentView(id=await request.app.state.pay(key, body))
        # A finished response spares FastAPI the check of its own answer: a sixth of what a request costs the framework.
        return Response(view.model_dump_json(), status_code=201, media_type="application/json")

    @app.exception_handler(Refused)
    async def refuse(request: Request, refusal: Refused) -> JSONResponse:
        return JSONResponse({"code": refusal.code}, status_code=422)

    return app
