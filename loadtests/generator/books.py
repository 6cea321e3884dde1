"""What a process was told about its requests: enough to compute every account's balance afterwards."""

from array import array


class Books:
    """Counts accepted requests by template; lists what was accepted in part, and what became nobody knows."""

    def __init__(self, templates: int) -> None:
        self.items: list[tuple[int, int]] = []
        self.unresolved: list[int] = []
        self._accepted = array("Q", bytes(8 * templates))

    @property
    def accepted(self) -> dict[int, int]:
        """How often each template was accepted; those that never were are left out."""
        return {template: count for template, count in enumerate(self._accepted) if count}

    def accept(self, template: int) -> None:
        """Note a request whose payments were all accepted."""
        self._accepted[template] += 1
