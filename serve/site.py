"""What all requests of one application share."""

import msgspec

from processor.bridges.webhooks.admin import WebhookAdmin
from serve.acknowledged import Acknowledged
from serve.dead_letters import DeadLetters
from serve.events.streams import EventStreams
from serve.ledger import Ledger
from serve.limits import VISIBILITY_SECONDS_MAX
from serve.metrics import Metrics
from serve.shared_cache import SharedCache
from serve.submissions import Submissions


class Site(msgspec.Struct):
    """The ledger, the messages under way to it, the figures, what was acknowledged, how long a read waits for its token, what is
    shared with other processes, the webhooks, the dead letters, and the streams of events."""

    ledger: Ledger
    submissions: Submissions
    metrics: Metrics
    visibility_seconds: float = VISIBILITY_SECONDS_MAX
    acknowledged: Acknowledged = msgspec.field(default_factory=Acknowledged)
    cache: SharedCache = SharedCache()
    webhooks: WebhookAdmin | None = None
    dead_letters: DeadLetters | None = None
    streams: EventStreams = msgspec.field(default_factory=EventStreams)
