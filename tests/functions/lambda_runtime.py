"""Lambda's runtime API, served to Lambda's own runtime client: the handlers run as they do there, in a process of their own.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

FUNCTIONS = Path(__file__).parents[2] / "terraform" / "functions"
_ANSWER_SECONDS_MAX = 60


class FunctionFailed(Exception):
    """The handler raised. `kind` is the name of the exception's type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class _RuntimeApi(BaseHTTPRequestHandler):
    """Hands events out, and takes what became of them."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        event = self.server.events.get()
        self._answer(
            200,
            json.dumps(event).encode(),
            {
                "Lambda-Runtime-Aws-Request-Id": str(uuid4()),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:tested",
                "Lambda-Runtime-Deadline-Ms": "99999999999999",
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.outcomes.put((self.path.rsplit("/", 1)[-1], json.loads(body)))
        self._answer(202, b"{}", {})

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeApi)
        self.events: queue.Queue[Any] = queue.Queue()
        self.outcomes: queue.Queue[tuple[str, Any]] = queue.Queue()


class LambdaFunction:
    """One function with its variables, warm until `close`."""

    def __init__(self, name: str, variables: Mapping[str, str]) -> None:
        self._server = _Server()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_GROUP_NAME": name,
            "AWS_LAMBDA_LOG_STREAM_NAME": name,
            **variables,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", "handler.handler"], cwd=FUNCTIONS / name, env=environment
        )

    def invoke(self, event: object) -> Any:
        """Return the handler's answer. Raises FunctionFailed."""
        self._server.events.put(event)
        kind, outcome = self._server.outcomes.get(timeout=_ANSWER_SECONDS_MAX)
        if kind == "error":
            raise FunctionFailed(outcome["errorType"], outcome["errorMessage"])
        return outcome

    def close(self) -> None:
        """End its process and the API."""
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()
