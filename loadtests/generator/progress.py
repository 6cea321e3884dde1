"""One line a second about a run, for whoever started the process."""

from time import monotonic

import gevent
from locust.env import Environment

from loadtests.generator.progress_line import PREFIX, STARTED


def show_progress(environment: Environment) -> None:
    """Print what locust has counted, once a second, until the greenlet is killed."""
    print(PREFIX + STARTED, flush=True)
    started, before = monotonic(), 0
    while True:
        gevent.sleep(1.0)
        total = environment.stats.total
        p99 = total.get_response_time_percentile(0.99) or 0
        rate, before = total.num_requests - before, total.num_requests
        print(
            f"{PREFIX}{monotonic() - started:5.0f} s: {rate:,} requests answered in the last, {total.num_failures:,} failed so far, "
            f"p99 about {p99:.0f} ms",
            flush=True,
        )
