"""Signatures are those of Standard Webhooks: its authors' own library accepts them."""

import re
from datetime import UTC, datetime
from time import time
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from processor.bridges.webhooks.signature import SECRET_BYTES, new_secret, secret_text, signed_headers
from serve.documentation.guide import GUIDE

BODY = '{"type":"payment.succeeded","amount":"9007199254740993","reference":"straße"}'.encode()


def test_a_receiver_verifies_a_message_with_the_secret_that_it_was_shown() -> None:
    secret = new_secret()
    headers = signed_headers([secret], "msg_1", int(time()), BODY)
    assert Webhook(secret_text(secret)).verify(BODY, headers)["amount"] == "9007199254740993"
    expected = Webhook(secret_text(secret)).sign(
        "msg_1", datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC), BODY.decode()
    )
    assert headers["webhook-signature"] == expected


@pytest.mark.parametrize("part", ["body", "webhook-id", "webhook-timestamp", "webhook-signature"])
def test_whatever_is_changed_on_the_way_is_noticed(part: str) -> None:
    secret = new_secret()
    headers = signed_headers([secret], "msg_1", int(time()), BODY)
    body = BODY
    if part == "body":
        body = BODY.replace(b"succeeded", b"refunded!")
    elif part == "webhook-signature":
        headers[part] = signed_headers([new_secret()], "msg_1", int(time()), BODY)[part]
    else:
        headers[part] = {"webhook-id": "msg_2", "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}[part]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(secret)).verify(body, headers)


def test_while_a_secret_is_replaced_both_verify_and_afterwards_only_the_new_one() -> None:
    old, new = new_secret(), new_secret()
    both = signed_headers([new, old], "msg_1", int(time()), BODY)
    for secret in (old, new):
        Webhook(secret_text(secret)).verify(BODY, both)
    after = signed_headers([new], "msg_1", int(time()), BODY)
    Webhook(secret_text(new)).verify(BODY, after)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(old)).verify(BODY, after)


def test_secrets_are_long_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {SECRET_BYTES}


def test_the_guides_own_check_agrees() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    old, new, other = new_secret(), new_secret(), new_secret()
    now = int(time())
    headers = signed_headers([new, old], "msg_1", now, BODY)
    is_genuine = names["is_genuine"]
    assert is_genuine(secret_text(old), headers, BODY)
    assert is_genuine(secret_text(new), headers, BODY)
    assert not is_genuine(secret_text(other), headers, BODY)
    assert not is_genuine(secret_text(new), headers, BODY + b" ")
    assert not is_genuine(secret_text(new), signed_headers([new], "msg_1", now - 301, BODY), BODY)
