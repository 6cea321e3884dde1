"""The notifier, inside Lambda's runtime client: what people get to read."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from processor.eventlog.cloud_event import encode_event
from processor.eventlog.event import (
    AboutAccount,
    AboutPayment,
    AboutRefusal,
    AccountData,
    AnyData,
    BalancesData,
    LegData,
    PaymentData,
    PublishedEvent,
)
from tests.aws import EmulatedAws
from tests.functions.lambda_runtime import FunctionFailed, LambdaFunction

AT = 1_700_000_000_000_000


@pytest.fixture
def mailbox(place: EmulatedAws) -> tuple[str, str]:
    """The topic for people, and the URL of a queue that is subscribed to it."""
    sns, sqs = place.client("sns"), place.client("sqs")
    topic = sns.create_topic(Name="people")["TopicArn"]
    queue_url = sqs.create_queue(QueueName="people")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    return topic, queue_url


@pytest.fixture
def notifier(variables: dict[str, str], mailbox: tuple[str, str]) -> Iterator[LambdaFunction]:
    """The function; payments below 10.00 are not worth a message."""
    more = {"PEOPLE_TOPIC_ARN": mailbox[0], "NOTIFY_AMOUNT_MINOR_MIN": "1000"}
    function = LambdaFunction("sns_notifier", variables | more)
    yield function
    function.close()


def paid(amount: int, currency: str = "EUR") -> PublishedEvent:
    """Return the event of a payment."""
    payment = PaymentData(
        "pay_1", "succeeded", "alice", "bob", amount, currency, (LegData("alice", "bob", amount, currency),), "immediate", 0,
        amount, 0, None, "order 7", {}, AT,
    )  # fmt: skip
    balances = BalancesData("alice", currency, -amount, 0, 0, -amount)
    return event("payment.succeeded", AboutPayment("payment", payment, (amount,), None, (), (balances,)))


def event(kind: str, data: AnyData) -> PublishedEvent:
    """Return an event with these data."""
    return PublishedEvent(0, 5, 2, AT, kind, "pay_1", ("alice",), data)


def notifications(*events: PublishedEvent) -> dict[str, Any]:
    """Return what Lambda hands over of SNS messages."""
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": encode_event(each).decode()}} for each in events]}


def mail(place: EmulatedAws, mailbox: tuple[str, str]) -> list[tuple[str, str]]:
    """Take (subject, text) of all that people got."""
    taken = place.client("sqs").receive_message(QueueUrl=mailbox[1], MaxNumberOfMessages=10)
    bodies = [json.loads(message["Body"]) for message in taken.get("Messages", [])]
    return [(body["Subject"], body["Message"]) for body in bodies]


def test_people_read_what_happened_in_their_own_units(
    place: EmulatedAws, mailbox: tuple[str, str], notifier: LambdaFunction
) -> None:
    opened = AboutAccount(AccountData("alice", "open", "EUR"), (BalancesData("alice", "EUR", 0, 0, 0, 0),))
    refused = AboutRefusal("payment", "pay_2", "req_1", "insufficient_funds", 0, "from", None)
    told = notifications(paid(123_456), paid(1_500, "JPY"), event("account.opened", opened), event("payment.refused", refused))
    assert notifier.invoke(told) == {"sent": 4}
    by_subject = dict(mail(place, mailbox))
    assert by_subject.keys() == {
        "payment succeeded: 1234.56 EUR", "payment succeeded: 1500 JPY", "account opened: pay_1", "payment refused: insufficient_funds",
    }  # fmt: skip
    assert by_subject["payment succeeded: 1234.56 EUR"].splitlines() == [
        "payment succeeded at 2023-11-14T22:13:20.000000Z",
        "1234.56 EUR from alice to bob",
        "payment pay_1, now succeeded",
        "reference: order 7",
        "alice: available -1234.56 EUR",
        "event 0:5:2",
    ]


def test_small_payments_are_not_worth_a_message(place: EmulatedAws, mailbox: tuple[str, str], notifier: LambdaFunction) -> None:
    assert notifier.invoke(notifications(paid(999), paid(1_000))) == {"sent": 1}
    assert [subject for subject, _ in mail(place, mailbox)] == ["payment succeeded: 10.00 EUR"]


def test_what_is_no_event_is_an_error_so_that_it_is_kept(notifier: LambdaFunction) -> None:
    with pytest.raises(FunctionFailed, match="JSONDecodeError"):
        notifier.invoke({"Records": [{"Sns": {"Message": "hello"}}]})
