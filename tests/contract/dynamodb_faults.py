"""What can go wrong between a client and DynamoDB, in the order in which a test wants it."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from uuid import uuid4

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

Fault = Callable[[AWSPreparedRequest], AWSResponse | None]
"""What happens to one request; None: it is sent, as the fault has left it."""


class Faults:
    """Lets the requests of one kind meet these faults, one each; those after them are sent as they are."""

    def __init__(self, client: Any, operation: str, *faults: Fault) -> None:
        self._faults = iter(faults)
        self.requests = 0
        client.meta.events.register_first(f"before-send.dynamodb.{operation}", self._meet)

    def _meet(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        self.requests += 1
        fault = next(self._faults, None)
        return fault(request) if fault is not None else None


def lose_request(request: AWSPreparedRequest) -> None:
    """Nothing arrives."""
    raise ReadTimeoutError(endpoint_url=request.url)


def lose_answer(request: AWSPreparedRequest) -> None:
    """It takes effect, and nobody learns of it."""
    answer = URLLib3Session(timeout=30).send(request)
    assert answer.status_code == 200, answer.text
    raise ReadTimeoutError(endpoint_url=request.url)


def forget_token(request: AWSPreparedRequest) -> None:
    """It arrives so late that DynamoDB no longer knows its token."""
    body = json.loads(request.body)
    old, new = body["ClientRequestToken"], uuid4().hex
    assert len(old) == len(new)
    request.body = request.body.replace(old.encode(), new.encode())


def refuse(code: str, *reasons: str) -> Fault:
    """Nothing is written, for this reason; `reasons` of a cancelled transaction are those of its items."""
    content = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "a planted refusal"}
    return _answer(400, content | ({"CancellationReasons": [{"Code": reason} for reason in reasons]} if reasons else {}))


def leave_over(operation_field: str) -> Fault:
    """Nothing of a batch is taken just now."""

    def answer(request: AWSPreparedRequest) -> AWSResponse:
        return _answer(200, {operation_field: json.loads(request.body)["RequestItems"]})(request)

    return answer


def while_it_waits(work: Callable[[], Coroutine[Any, Any, None]], then: Fault) -> Fault:
    """Do something of the event loop's before the request meets its fault."""
    loop = asyncio.get_running_loop()

    def meet(request: AWSPreparedRequest) -> AWSResponse | None:
        asyncio.run_coroutine_threadsafe(work(), loop).result()
        return then(request)

    return meet


def _answer(status: int, content: dict[str, Any]) -> Fault:
    return lambda request: AWSResponse(request.url, status, {"Content-Type": "application/x-amz-json-1.0"}, _Raw(content))


class _Raw:
    """A body that has arrived."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = json.dumps(content).encode()

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._content
