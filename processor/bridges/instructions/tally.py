"""What is told about the bridge while it works: what became of instructions, and what keeps it from working."""

from collections import Counter
from collections.abc import Iterable

from processor.bridges.instructions.verdicts import Later, Malformed, Paid, Refused, Verdict
from processor.bridges.work import Term

_NAMES: dict[type[Verdict], str] = {Paid: "paid", Refused: "refused", Malformed: "malformed", Later: "put_off"}


class Tally:
    """Reports to a term. A message that comes again counts again.

    Of the bridge's counts, `published` are payments made, `rejected` what went to the dead letters, `retries` what was put off. Its
    figures tell more: `taken`, `paid`, `replayed` (paid before), `refused`, `malformed`, `put_off`.
    """

    def __init__(self, term: Term) -> None:
        self._term = term
        self._problems: dict[str, str] = {}

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Count what was decided about messages."""
        figures: Counter[str] = Counter()
        for verdict in verdicts:
            figures["taken"] += 1
            figures["replayed" if isinstance(verdict, Paid) and verdict.replayed else _NAMES[type(verdict)]] += 1
        paid, bad = figures["paid"] + figures["replayed"], figures["refused"] + figures["malformed"]
        self._term.count(paid, bad, figures["put_off"], figures)

    def tell(self, what: str, problem: str | None) -> None:
        """Say what goes wrong with one part of the work, or with None that it goes well."""
        if problem is None:
            self._problems.pop(what, None)
        else:
            self._problems[what] = problem
        if self._problems:
            self._term.report("waiting", next(iter(self._problems.values())))
        else:
            self._term.report("running")
