"""What a message must be to be put before the ledger: one JSON object with a key. All else about it is for the API to judge.

The body is an item of `POST /v1/payments/batch`: a payment with its `idempotency_key`. A message without a key is refused. Nothing that SQS
knows could stand for it: a sender that repeats itself sends another message, with another id, and would pay twice.
"""

import msgspec

from processor.bridges.instructions.verdicts import Malformed

INSTRUCTION_BYTES_MAX = 256 * 1024

_KEY = "idempotency_key"


def flaw_of(body: str) -> Malformed | None:
    """Return what is wrong with the body, if it cannot even be put before the ledger."""
    data = body.encode()
    if len(data) > INSTRUCTION_BYTES_MAX:
        return Malformed("body_too_large", f"An instruction has at most {INSTRUCTION_BYTES_MAX} bytes; this one has {len(data)}.")
    try:
        content = msgspec.json.decode(data)
    except RecursionError:
        return Malformed("invalid_json", "The body nests too deeply.")
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Malformed("invalid_json", f"The body is not JSON: {error}.")
    if not isinstance(content, dict):
        return Malformed("invalid_body", f"The body is a JSON {_kind(content)}; send one payment, an object.")
    if "payments" in content:
        return Malformed("invalid_body", "Send one payment in a message, with its idempotency_key, not a list of `payments`.")
    key = content.get(_KEY)
    if not isinstance(key, str) or not key:
        return Malformed(
            "idempotency_key_required", "The body needs an idempotency_key, a text: without it a repeat would pay twice."
        )
    return None


def _kind(content: object) -> str:
    match content:
        case list():
            return "array"
        case str():
            return "string"
        case bool():
            return "boolean"
        case None:
            return "null"
    return "number"
