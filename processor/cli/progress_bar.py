"""Progress of something long: a bar on a terminal, a line now and then elsewhere. Always on standard error."""

import sys
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_LINE_SECONDS = 2.0


class ProgressBar:
    """Shows how far a count has come. `total=None` means that the end is not known."""

    def __init__(self, label: str, total: int | None) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._next_line = monotonic() + _LINE_SECONDS
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            # What is printed meanwhile may go through the bar's console only if it is for the terminal too.
            self._bar = Progress(*columns, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty())
            self._task = self._bar.add_task(label, total=total)

    def show(self, done: int) -> None:
        """Say how much is done now."""
        self._done = done
        if self._bar is not None:
            self._bar.update(self._task, completed=done)
        elif monotonic() >= self._next_line:
            self._next_line = monotonic() + _LINE_SECONDS
            self._print()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        else:
            self._print()

    def _print(self) -> None:
        of_total = f" of {self._total:,}" if self._total is not None else ""
        print(f"{self._label}: {self._done:,}{of_total}", file=sys.stderr, flush=True)
