"""Turning away clients that ask more often than they may."""

from processor.cache.rates import RateLimiter
from serve.wire.problems import Problem, retry_after
from serve.wire.request import Request

CLIENT_HEADER = b"payments-client"
"""Who asks, as the API gateway's authorizer has found out. A gateway must overwrite it; without it each address is a client."""

_CLIENT_CHARACTERS_MAX = 128
# Whoever watches over us must never be turned away.
_UNLIMITED = frozenset(("/healthz", "/readyz", "/startedz", "/metrics"))


async def check_rate(limiter: RateLimiter, request: Request) -> None:
    """Take one request out of the client's bucket. Raises Problem if there is none left."""
    if request.scope["path"] in _UNLIMITED:
        return
    verdict = await limiter.take(_client_of(request))
    if verdict.is_allowed:
        return
    rate, burst = limiter.requests_per_second, limiter.burst_requests
    # https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
    policy = (b"ratelimit-policy", b'"requests";q=%d;w=%d' % (burst, max(1, round(burst / rate))))
    limit = (b"ratelimit", b'"requests";r=0;t=%d' % max(1, -int(-verdict.retry_after_seconds // 1)))
    detail = f"At most {rate:g} requests a second, {burst} at once: wait, then send the same request again with the same key."
    raise Problem("rate_limited", detail, headers=(*retry_after(verdict.retry_after_seconds), policy, limit))


def _client_of(request: Request) -> str:
    named = request.headers.get(CLIENT_HEADER)
    if named:
        return named.decode("latin-1")[:_CLIENT_CHARACTERS_MAX]
    peer = request.scope.get("client")
    return str(peer[0]) if peer else "unknown"
