"""What all requests of one application share."""

import msgspec

from serve.ledger import Ledger
from serve.limits import VISIBILITY_SECONDS_MAX
from serve.metrics import Metrics
from serve.submissions import Submissions


class Site(msgspec.Struct):
    """The ledger, the messages under way to it, the figures, and how long a read waits for its Consistency-Token."""

    ledger: Ledger
    submissions: Submissions
    metrics: Metrics
    visibility_seconds: float = VISIBILITY_SECONDS_MAX
