"""Layer `latency`: how long single payments take at half of the peak that was measured just before, in an open loop."""

from loadtests.bench.figure import Figure, Goal
from loadtests.bench.open_loop import OpenLoopResult
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Say, Side, alternate

GOAL = Goal("less than", 20)
SHARE_OF_PEAK = 0.5
PEAK = "peak: 64 connections that never pause"
HALF = "single payments that fall due at random, at half of the peak, p99"
_PERCENTILES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9}


class Latency:
    """Measures the peak and what happens at half of it, in turns."""

    def __init__(self, payments: PaymentsInstance, options: Options) -> None:
        self._payments = payments
        self._seconds = options.seconds
        self._peak = 0.0
        self._results: list[OpenLoopResult] = []

    def measure(self, rounds: int, say: Say) -> list[Figure]:
        """Return the layer's figures. Raises BenchFailed if a payment is not accepted."""
        sides = [Side(PEAK, self._at_peak), self._payments.meter.metered(Side(HALF, self._at_half))]
        peaks = alternate(sides, rounds, say, warm_up=True)[PEAK]
        counted = self._results[1:]  # The first was to warm up.
        answered = [result.count / (result.count + result.dropped) for result in counted]
        return [
            Figure("latency", PEAK, "payments/s", peaks),
            *(self._percentile(counted, label, percent) for label, percent in _PERCENTILES.items()),
            Figure(
                "latency", "at half of the peak: answered, the rest dropped by the client", "ratio", answered, Goal("at least", 1)
            ),
        ]

    def _at_peak(self) -> float:
        self._peak = self._payments.singles("random_accounts", self._seconds).rate
        return self._peak

    def _at_half(self) -> float:
        result = self._payments.arriving(self._peak * SHARE_OF_PEAK, self._seconds)
        self._results.append(result)
        return result.latencies.percentile_ms(99)

    @staticmethod
    def _percentile(results: list[OpenLoopResult], label: str, percent: float) -> Figure:
        samples = [result.latencies.percentile_ms(percent) for result in results]
        return Figure(
            "latency", f"at half of the peak, from due to answered: {label}", "ms", samples, GOAL if percent == 99 else None
        )
