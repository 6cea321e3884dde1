"""An AWS endpoint that fails as the real one does: a proxy in front of the emulator, which itself never does.

Per request, by a seeded draw: a throttling error; 503; the connection cut before the request is passed on; the answer lost after it has
been carried out; and of a Kinesis PutRecords, some records refused while the others are taken.

python -m tests.system.events.faulty_endpoint TARGET_URL PORT SEED SHARE
"""

import asyncio
import json
import random
import sys
from collections import Counter

import aiohttp
from aiohttp import web

BODY_BYTES_MAX = 64 * 1024 * 1024
_PUT_RECORDS = "Kinesis_20131202.PutRecords"
_THROTTLED = {
    "Kinesis_20131202": (400, {"__type": "ProvisionedThroughputExceededException", "message": "Rate exceeded"}),
    "DynamoDB_20120810": (
        400,
        {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "message": "Rate exceeded"},
    ),
    "AmazonSQS": (400, {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "Rate exceeded"}),
}
_SNS = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>Throttled</Code><Message>Rate exceeded</Message></Error>"
    "<RequestId>0</RequestId></ErrorResponse>"
)
_S3 = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class FaultyEndpoint:
    """The proxy. `share`: of all requests, so many fail in one way or another."""

    def __init__(self, target_url: str, seed: int, share: float) -> None:
        self._target = target_url
        self._random = random.Random(seed)
        self._share = share
        self._counts: Counter[str] = Counter()
        self._session: aiohttp.ClientSession | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on, or fail."""
        if request.path == "/_faults":
            self._share = float(request.query.get("share", self._share))
            return web.json_response(self._counts)
        body = await request.read()
        fault = self._draw(request)
        self._counts[fault] += 1
        if fault == "throttled":
            return _throttling(request)
        if fault == "unavailable":
            return web.Response(status=503, text="Service Unavailable")
        if fault == "cut":
            return self._cut(request)
        if fault == "partial":
            return await self._partially(request, body)
        try:
            answer = await self._pass_on(request, body)
        except aiohttp.ClientError:
            return web.Response(status=503, text="The emulator is down")
        return self._cut(request) if fault == "lost" else answer

    def _draw(self, request: web.Request) -> str:
        if self._random.random() >= self._share:
            return "passed"
        faults = ["throttled", "unavailable", "cut", "lost"]
        if request.headers.get("X-Amz-Target") == _PUT_RECORDS:
            faults += ["partial"] * 4
        return self._random.choice(faults)

    async def _pass_on(self, request: web.Request, body: bytes) -> web.Response:
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=100))
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("transfer-encoding", "expect")}
        url = self._target + request.raw_path
        async with self._session.request(
            request.method, aiohttp.client.URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
        ) as answer:
            content = await answer.read()
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server")
            }
            return web.Response(status=answer.status, headers=kept, body=content)

    async def _partially(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Let only some records of a PutRecords through."""
        asked = json.loads(body)
        taken = [self._random.random() < 0.5 for _ in asked["Records"]]
        passed = {**asked, "Records": [record for record, is_taken in zip(asked["Records"], taken, strict=True) if is_taken]}
        results = iter(())
        if passed["Records"]:
            try:
                answer = await self._pass_on(request, json.dumps(passed).encode())
            except aiohttp.ClientError:
                return web.Response(status=503, text="The emulator is down")
            if answer.status != 200:
                return answer
            results = iter(json.loads(bytes(answer.body))["Records"])  # type: ignore[arg-type]
        refused = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
        merged = [next(results) if is_taken else refused for is_taken in taken]
        content = {"FailedRecordCount": taken.count(False), "Records": merged}
        return web.Response(body=json.dumps(content).encode(), content_type="application/x-amz-json-1.1")

    def _cut(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)


def _throttling(request: web.Request) -> web.Response:
    service = request.headers.get("X-Amz-Target", "").partition(".")[0]
    if service in _THROTTLED:
        status, content = _THROTTLED[service]
        return web.Response(status=status, body=json.dumps(content).encode(), content_type="application/x-amz-json-1.0")
    if "form-urlencoded" in request.headers.get("Content-Type", ""):
        return web.Response(status=400, text=_SNS, content_type="text/xml")
    return web.Response(status=503, text=_S3, content_type="application/xml")


async def serve(target_url: str, port: int, seed: int, share: float) -> None:
    """Serve until cancelled."""
    application = web.Application(client_max_size=BODY_BYTES_MAX)
    application.router.add_route("*", "/{anything:.*}", FaultyEndpoint(target_url, seed, share).handle)
    runner = web.AppRunner(application, access_log=None, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
