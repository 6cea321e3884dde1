"""Lambda behind the SNS topic of notifications: writes the events that people care about as text, to a topic that people subscribe to.

Which events these are is a matter of the subscription's filter policy first, and of NOTIFY_AMOUNT_MINOR_MIN: payments below it are not
worth a message. What cannot be read is an error, so that Lambda's on-failure destination keeps it.

Variables: PEOPLE_TOPIC_ARN, NOTIFY_AMOUNT_MINOR_MIN (default 0).
"""

import json
import logging
import os
from functools import cache

import boto3
from botocore.config import Config

logger = logging.getLogger()
logger.setLevel(logging.INFO)

SUBJECT_CHARACTERS_MAX = 99
_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4})
# Currencies of ISO 4217 whose minor unit is not a hundredth.
_WITHOUT_MINOR_UNIT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_TEN_THOUSANDTHS = "CLF UYW"


def handler(event, context):
    """Tell people about each event of the batch; return how many messages were sent."""
    sent = 0
    for record in event["Records"]:
        notification = json.loads(record["Sns"]["Message"])
        if is_worth_telling(notification):
            subject, text = text_of(notification)
            client().publish(TopicArn=os.environ["PEOPLE_TOPIC_ARN"], Subject=subject[:SUBJECT_CHARACTERS_MAX], Message=text)
            sent += 1
    logger.info("%d notifications, %d messages", len(event["Records"]), sent)
    return {"sent": sent}


def is_worth_telling(event):
    """Return whether the event is not about too little money. Events without an amount always are worth it."""
    amount = event["data"].get("payment", {}).get("amount")
    return amount is None or int(amount) >= int(os.environ.get("NOTIFY_AMOUNT_MINOR_MIN", "0"))


def text_of(event):
    """Return a subject and a text for people."""
    what, data = event["type"].replace(".", " ").replace("_", " "), event["data"]
    lines = [f"{what} at {event['time']}"]
    payment = data.get("payment")
    if payment is not None:
        subject = f"{what}: {money(payment['amount'], payment['currency'])}"
        lines += [f"{money(leg['amount'], leg['currency'])} from {leg['from']} to {leg['to']}" for leg in payment["legs"]]
        lines.append(f"payment {payment['id']}, now {payment['status']}")
        if payment.get("reference"):
            lines.append(f"reference: {payment['reference']}")
        if data.get("reason"):
            lines.append(f"reason: {data['reason']}")
    elif data.get("code"):
        subject = f"{what}: {data['code']}"
        lines.append(f"payment {data['payment_id'] or 'not known'}: {data['code']}")
    else:
        subject = f"{what}: {event['subject']}"
        lines.append(f"about {event['subject']}")
    for balances in data.get("balances", ()):
        available = "not recorded" if balances["available"] is None else money(balances["available"], balances["currency"])
        lines.append(f"{balances['account']}: available {available}")
    lines.append(f"event {event['id']}")
    return subject, "\n".join(lines)


def money(amount, currency):
    """Return an amount of minor units as people write it; `several currencies` if there is no one amount."""
    if amount is None or currency is None:
        return "several currencies"
    digits = 0 if currency in _WITHOUT_MINOR_UNIT else 3 if currency in _THOUSANDTHS else 4 if currency in _TEN_THOUSANDTHS else 2
    whole = abs(int(amount))
    sign = "-" if int(amount) < 0 else ""
    if not digits:
        return f"{sign}{whole} {currency}"
    return f"{sign}{whole // 10**digits}.{whole % 10**digits:0{digits}d} {currency}"


@cache
def client():
    """Return the client, made at its first use and kept while the function stays warm."""
    return boto3.client("sns", config=_CONFIG)
