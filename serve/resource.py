"""A path and the methods that it takes."""

from collections.abc import Iterable

from serve.metrics import Metrics
from serve.routes.route import Route
from serve.tallies import Tally
from serve.wire.answer import Answer
from serve.wire.problems import Problem
from serve.wire.request import Request


class Resource:
    """The routes of one path, by method, and its figures. One without any is the place of unknown paths."""

    __slots__ = ("_counts", "_metrics", "_observe", "_path", "routes")

    def __init__(self, path: str, metrics: Metrics) -> None:
        self.routes: dict[str, Route] = {}
        self._path = path
        self._metrics = metrics
        self._observe = metrics.seconds(path).add
        self._counts: dict[int, Tally] = {}

    def add(self, route: Route) -> None:
        """Take one more method. HEAD is answered as GET is, less the body."""
        self.routes[route.method] = route
        if route.method == "GET":
            self.routes["HEAD"] = route

    def count(self, status: int, seconds: float) -> None:
        """Count one answer."""
        counter = self._counts.get(status)
        if counter is None:
            counter = self._counts[status] = self._metrics.requests(self._path, status)
        counter.inc()
        self._observe(seconds)

    def without_route(self, request: Request) -> Answer:
        """Answer OPTIONS. Raises Problem for every other method, and for everything on an unknown path."""
        method, path = request.scope["method"], request.scope["path"]
        if not self.routes and not (method == "OPTIONS" and path == "*"):
            raise Problem("route_not_found", f"There is nothing at {path[:200]}; GET /docs lists all routes.")
        allowed = ", ".join(sorted({*self.routes, "OPTIONS"}))
        if method == "OPTIONS":
            return Answer(204, b"", ((b"allow", allowed.encode()),))
        raise Problem("method_not_allowed", f"{path[:200]} takes {allowed}.", headers=((b"allow", allowed.encode()),))


def resources_of(table: Iterable[Route], metrics: Metrics) -> tuple[dict[str, Resource], dict[str, Resource]]:
    """Return the resources at fixed paths, and those whose path holds `{id}`."""
    fixed: dict[str, Resource] = {}
    variable: dict[str, Resource] = {}
    for route in table:
        paths = variable if "{id}" in route.path else fixed
        if route.path not in paths:
            paths[route.path] = Resource(route.path, metrics)
        paths[route.path].add(route)
    return fixed, variable
