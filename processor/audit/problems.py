"""What does not agree, in the order in which it was found."""

PROBLEMS_MAX = 100
"""How many problems are listed before the rest is only counted."""


class Problems:
    """A list that does not grow without bound."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.count = 0

    def report(self, problem: str) -> None:
        """Take note of a problem."""
        self.count += 1
        if self.count <= PROBLEMS_MAX:
            self.texts.append(problem)
        elif self.count == PROBLEMS_MAX + 1:
            self.texts.append("and more")
