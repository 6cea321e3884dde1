"""The dead letters of the bridges themselves, as the API shows and redrives them: by ids, page by page."""

import re
from collections.abc import Sequence

from processor.bridges.cursors import Place
from processor.bridges.dead_letters import DeadLetter, list_dead_letters, redrive_dead_letters
from processor.bridges.queries import Fetch

_ID = re.compile(r"([a-z0-9_]{1,32})/(\d{1,9}):(\d{1,18}):(\d{1,9})").fullmatch

Key = tuple[str, Place]
"""(bridge, place): where a page ends."""


class BadLetterId(ValueError):
    """The text is not the id of a bridge's dead letter."""


def letter_id(letter: DeadLetter) -> str:
    """Return a letter's id: the bridge, and the event's name."""
    return f"{letter.bridge}/{letter.name}"


def key_of(identity: str) -> Key:
    """Return the bridge and the place in a letter's id. Raises BadLetterId."""
    parts = _ID(identity)
    if parts is None:
        raise BadLetterId(f"{identity[:100]!r} is not an id such as kinesis/0:17:2")
    return parts[1], (int(parts[2]), int(parts[3]), int(parts[4]))


class BridgeDesk:
    """What bridges could not carry over."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def look(self, limit: int, after: str | None) -> list[DeadLetter]:
        """Return up to `limit` letters that follow the one with the id `after`. Raises JournalUnavailable, BadLetterId."""
        return await list_dead_letters(self._fetch, limit, after=key_of(after) if after else None)

    async def redrive(self, limit: int, ids: Sequence[str] | None) -> tuple[list[str], list[str]]:
        """Ask for another try of up to `limit` letters, or of these; return the ids of those that get one, and of those that are not there.

        The bridge makes it within about a second, if it runs. Raises JournalUnavailable, BadLetterId.
        """
        if ids is None:
            found = await list_dead_letters(self._fetch, limit)
            missing: list[str] = []
        else:
            wanted = [(identity, *key_of(identity)) for identity in dict.fromkeys(ids)]
            found, missing = [], []
            for identity, bridge, (shard, sequence, index) in wanted:
                # The letter before it need not exist.
                before = (shard, sequence, index - 1)
                letters = await list_dead_letters(self._fetch, 1, bridge, (bridge, before))
                if letters and letter_id(letters[0]) == identity:
                    found += letters
                else:
                    missing.append(identity)
        places: dict[str, list[Place]] = {}
        for letter in found:
            places.setdefault(letter.bridge, []).append((letter.shard, letter.sequence, letter.index))
        for bridge, some in places.items():
            await redrive_dead_letters(self._fetch, bridge, some)
        return [letter_id(letter) for letter in found], missing
