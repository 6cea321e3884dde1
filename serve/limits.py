"""Every bound of the HTTP layer, with its unit."""

BODY_BYTES_MAX = 8 * 1024 * 1024
BODY_SECONDS_MAX = 30.0
"""How long a client may take to send a body."""
IDLE_SECONDS_MAX = 75
"""How long a connection may be without a request. Load balancers keep theirs for 60 s: if ours closed first, a request could meet the
closing, and be answered with 502 although nobody refused it."""
TARGET_BYTES_MAX = 8 * 1024
"""Path and query together."""
HEADER_BYTES_MAX = 32 * 1024
HEADERS_MAX = 100
REQUEST_ID_CHARACTERS_MAX = 64

BATCH_ITEMS_MAX = 10_000
LEGS_MAX = 32
CONDITIONS_MAX = 16
COMPARISONS_MAX = 64
"""In all conditions of a payment together."""
REASON_CHARACTERS_MAX = 500

HOLD_SECONDS_MAX = 365 * 24 * 60 * 60
HOLD_SECONDS_DEFAULT = 7 * 24 * 60 * 60
"""How long a hold lasts at most, and if nothing is said."""

ACCOUNT_ID_CHARACTERS_MAX = 64
IDEMPOTENCY_KEY_CHARACTERS_MAX = 255
REFERENCE_CHARACTERS_MAX = 255
METADATA_MEMBERS_MAX = 50
METADATA_KEY_CHARACTERS_MAX = 64
METADATA_VALUE_CHARACTERS_MAX = 500

AMOUNT_MAX = 2**63 - 1

PAGE_DEFAULT = 25
PAGE_MAX = 100
CURSOR_CHARACTERS_MAX = 512
DESCRIPTION_CHARACTERS_MAX = 500
WEBHOOK_TYPES_MAX = 50
WEBHOOK_ACCOUNTS_MAX = 1_000
REDELIVERED_IDS_MAX = 1_000
SECRET_OVERLAP_SECONDS_MAX = 7 * 24 * 60 * 60
SECRET_OVERLAP_SECONDS_DEFAULT = 24 * 60 * 60
"""How long a webhook's replaced secret signs beside the new one, at most and if nothing is said."""
CONSISTENCY_TOKEN_CHARACTERS_MAX = 24 * 1024

VISIBILITY_SECONDS_MAX = 2.0
"""How long a read waits for the state that its Consistency-Token names."""
SEND_SECONDS_MAX = 60.0
"""How long a client may leave a part of an answer untaken before it counts as gone."""
DRAIN_SECONDS_MAX = 10.0
"""How long a stopping server waits for the outcomes of messages that it has submitted."""
CLOCK_DIFFERENCE_SECONDS_MAX = 60.0
"""How far `?at=` may lie ahead of this machine's clock."""
