"""What a check has found."""

import msgspec

PROBLEMS_MAX = 20
"""So many problems of a target are told; the others are counted."""


class Verdict(msgspec.Struct):
    """One target: how many things of it were compared, what did not agree, and what could not be compared."""

    bridge: str
    compared: int = 0
    problems: list[str] = []
    problem_count: int = 0
    notes: list[str] = []

    def report(self, problem: str) -> None:
        """Note something that does not agree."""
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)

    @property
    def holds(self) -> bool:
        """Whether all agrees."""
        return not self.problem_count
