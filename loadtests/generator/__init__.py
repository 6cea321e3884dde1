"""The load generator's side of a run, inside locust's processes. gevent lives here, asyncio does not."""
