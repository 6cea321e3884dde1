"""Ray Serve's REST API, as far as we need it."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import msgspec

from processor.local.failure import CannotStart
from processor.local.serve_config import APPLICATION, Config

_PATH = "/api/serve/applications/"
_POLL_SECONDS = 0.2
_PUT_ATTEMPTS = 3
_REQUEST_SECONDS = 10
_FAILED = ("DEPLOY_FAILED", "UNHEALTHY")
# Asks loopback directly, whatever HTTP_PROXY says.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Unreachable(Exception):
    """The REST API does not answer, or refuses what was sent. The message is one line."""


class ServeApi:
    """Deploys, watches and removes applications."""

    def __init__(self, dashboard_url: str, token: str = "") -> None:
        """Talk to the API behind this URL. `token`: what Ray asks for where it asks (RAY_AUTH_MODE=token)."""
        self._url = dashboard_url
        self._token = token

    def is_up(self) -> bool:
        """Return whether the API answers."""
        try:
            self._request("GET", "/api/version")
        except Unreachable:
            return False
        return True

    def put(self, config: Config) -> None:
        """Ask for this config: Serve starts, changes and stops replicas until it is reached. Raises Unreachable."""
        for _ in range(_PUT_ATTEMPTS - 1):
            try:
                self._request("PUT", _PATH, config)
                return
            except Unreachable:
                time.sleep(_POLL_SECONDS)
        # Asking twice for the same does no harm; what still goes wrong now is worth reporting.
        self._request("PUT", _PATH, config)

    def application(self) -> dict[str, Any] | None:
        """Return what Serve says of our application, or None if there is none. Raises Unreachable."""
        found: dict[str, Any] | None = self._request("GET", _PATH)["applications"].get(APPLICATION)
        return found

    def config(self) -> Config:
        """Return the config that Serve works to at the moment. Raises Unreachable."""
        found = self._request("GET", _PATH)
        application = found["applications"].get(APPLICATION)
        if application is None:
            raise Unreachable(f"Serve at {self._url} does not run {APPLICATION}")
        common = {name: found[name] for name in ("proxy_location", "http_options")}
        return common | {"applications": [application["deployed_app_config"]]}

    def wait_until_running(self, check: Callable[[], None], stalled_seconds: float = 60) -> None:
        """Return once all deployments run, calling `check` meanwhile.

        Raises CannotStart if one failed or nothing has changed for too long, and what `check` raises.
        """
        seen, deadline, reason = None, time.monotonic() + stalled_seconds, ""
        while time.monotonic() < deadline:
            check()
            try:
                application = self.application() or {}
            except Unreachable as error:  # On a busy machine a request may fail; the next one tells.
                application, reason = {}, str(error)
            if application.get("status") == "RUNNING":
                return
            if application.get("status") in _FAILED:
                raise CannotStart(f"Serve could not start the application: {_reason(application)}")
            if application and _progress(application) != seen:
                seen, deadline, reason = _progress(application), time.monotonic() + stalled_seconds, _reason(application)
            time.sleep(_POLL_SECONDS)
        raise CannotStart(f"Serve has made no progress for {stalled_seconds:g} s: {reason}")

    def remove(self, timeout_seconds: float) -> bool:
        """Stop the application, letting it finish what it is at; return False if it is still there after the timeout."""
        deadline = time.monotonic() + timeout_seconds
        self._request("DELETE", _PATH)
        while self.application() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _request(self, method: str, path: str, body: Config | None = None) -> Any:
        request = urllib.request.Request(self._url + path, method=method)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        if body is not None:
            request.data = msgspec.json.encode(body)
            request.add_header("Content-Type", "application/json")
        try:
            with _OPENER.open(request, timeout=_REQUEST_SECONDS) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise Unreachable(
                f"{method} {self._url}{path} was refused: {_one_line(error.read().decode(errors='replace'))}"
            ) from error
        except OSError as error:
            raise Unreachable(f"{self._url} does not answer: {error}") from error
        return msgspec.json.decode(content) if content.startswith(b"{") else content


def _progress(application: dict[str, Any]) -> list[object]:
    """Return what changes while a deployment makes progress."""
    deployments = application.get("deployments", {})
    replicas = sorted(
        (name, replica.get("replica_id"), replica.get("state"))
        for name, d in deployments.items()
        for replica in d.get("replicas", [])
    )
    return [application.get("status"), *replicas]


def _reason(application: dict[str, Any]) -> str:
    """Return in one line what Serve says of the first deployment that is not healthy, or of the application."""
    for name, deployment in application.get("deployments", {}).items():
        if deployment.get("status") not in ("HEALTHY", None) and deployment.get("message"):
            return f"{name}: {_one_line(deployment['message'])}"
    return _one_line(application.get("message") or "it gives no reason")


def _one_line(text: str) -> str:
    """Return the last line that says something: in a traceback, the error itself."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
