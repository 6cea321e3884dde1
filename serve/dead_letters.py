"""The dead letters behind a request, and what can be wrong with them as problems. boto3 is loaded when a queue is first asked for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

from processor.aws.failed import AwsFailed
from processor.bridges.letter_desk import BridgeDesk
from processor.bridges.queries import Fetch
from processor.journal.interface import JournalUnavailable
from processor.settings import Settings
from serve.wire.problems import Problem, retry_after

if TYPE_CHECKING:
    from processor.bridges.queues.desk import SqsDesk

LetterQueue = Literal["events", "instructions", "bridges"]

DEAD_LETTER_PROBLEMS = ("dead_letters_not_configured", "dead_letters_unavailable")
_ANSWER_SECONDS = 30.0
_RETRY_SECONDS = 5.0
_FEEDS = {"events": {"kinesis", "sns"}, "instructions": {"instructions"}}
"""Which bridges have to do with which queue."""


class DeadLetters:
    """The queues that the settings name, and the bridges' own letters in the ledger's database."""

    def __init__(self, settings: Settings, fetch: Fetch) -> None:
        self.bridges = BridgeDesk(fetch)
        self._settings = settings
        self._sqs: SqsDesk | None = None

    async def sqs(self, queue: Literal["events", "instructions"]) -> "SqsDesk":
        """Return the desk of the SQS queues. Raises Problem if the settings do not use this one."""
        named = set(self._settings.bridges.split(","))
        if not named & _FEEDS[queue] and not self._settings.aws_endpoint_url:
            detail = (
                f"This instance does not use the queue of dead {queue}: its setting `bridges` names none of "
                f"{', '.join(sorted(_FEEDS[queue]))}."
            )
            raise Problem("dead_letters_not_configured", detail)
        if self._sqs is None:
            made = await asyncio.to_thread(_desk, self._settings)
            self._sqs = self._sqs or made
        return self._sqs

    def close(self) -> None:
        """Let the connections go."""
        if self._sqs is not None:
            self._sqs.close()


def _desk(settings: Settings) -> "SqsDesk":
    from processor.bridges.queues.desk import SqsDesk

    return SqsDesk(settings)


@asynccontextmanager
async def failures_told() -> AsyncIterator[None]:
    """What goes wrong inside the block with SQS or the database, or takes too long, is raised as Problem."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            yield
    except AwsFailed as error:
        raise _unavailable(f"{error}"[:1].upper() + f"{error}."[1:]) from error
    except TimeoutError:
        raise _unavailable(
            f"AWS did not answer within {_ANSWER_SECONDS:g} seconds. Some letters may have been moved: list them before you go on."
        ) from None
    except JournalUnavailable as error:
        raise _unavailable("The ledger's database does not answer; try again.") from error


def unknown_to_this_process() -> Problem:
    """Return the problem of an API process that was started without dead letters."""
    return Problem("dead_letters_not_configured", "This instance keeps no dead letters.")


def _unavailable(detail: str) -> Problem:
    return Problem("dead_letters_unavailable", detail, headers=retry_after(_RETRY_SECONDS))
