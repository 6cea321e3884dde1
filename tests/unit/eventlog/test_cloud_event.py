"""Published events as CloudEvents."""

import msgspec
import pytest

from processor.core import events as e
from processor.core.messages import Leg
from processor.eventlog.cloud_event import EVENT_BYTES_MAX, _as_text, encode_batch, encode_event
from processor.eventlog.event import PublishedEvent
from processor.eventlog.translator import Translator
from processor.journal.memory import MemoryJournal
from processor.journal.record import Record
from serve.limits import (
    ACCOUNT_ID_CHARACTERS_MAX,
    LEGS_MAX,
    METADATA_KEY_CHARACTERS_MAX,
    METADATA_MEMBERS_MAX,
    METADATA_VALUE_CHARACTERS_MAX,
    REFERENCE_CHARACTERS_MAX,
)
from tests.unit.eventlog.stories import published, told_story

pytestmark = pytest.mark.anyio

AT = 1_700_000_000_123_456
KEY = b"k" * 16
LARGE = 2**63 - 1


async def told(*events: e.AnyEvent) -> list[PublishedEvent]:
    record = Record(3, 1, 42, AT, b"", e.encode_events(events))
    return await Translator(MemoryJournal(4)).translate([record])


async def test_the_envelope_has_what_cloud_events_and_their_extensions_ask_for() -> None:
    (event,) = await told(e.AccountOpened("alice", "EUR", 0, None, {"tier": "gold"}))
    assert msgspec.json.decode(encode_event(event)) == {
        "specversion": "1.0",
        "id": "3:42:0",
        "source": "/payments",
        "type": "account.opened",
        "subject": "alice",
        "time": "2023-11-14T22:13:20.123456Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:payments:event:account.opened:v1",
        "sequence": "00000000000000000042",
        "partitionkey": "shard-3",
        "data": {
            "account": {
                "id": "alice", "status": "open", "currency": "EUR", "min_balance": 0, "max_balance": None,
                "metadata": {"tier": "gold"},
            },
            "balances": [
                {"account": "alice", "currency": "EUR", "posted": 0, "pending_in": 0, "pending_out": 0, "available": 0}
            ],
        },
    }  # fmt: skip


async def test_both_ways_to_json_give_the_same() -> None:
    for event in await published(await told_story()):
        assert msgspec.json.decode(encode_event(event))["data"] == msgspec.json.decode(msgspec.json.encode(_as_text(event.data)))


@pytest.mark.parametrize("posted", [2**53, -(2**53), LARGE, -LARGE])
async def test_money_that_json_would_round_is_text(posted: int) -> None:
    (event,) = await told(
        e.Paid(KEY, KEY, "a", "b", 1, "EUR", posted, 0, 5, 0, None, {"amount": "12", "posted": "x"}, (7, 0, 0, 0))
    )
    data = msgspec.json.decode(encode_event(event))["data"]
    assert (data["entries"][0]["posted_after"], data["balances"][0]["posted"]) == (str(posted), str(posted))
    assert int(data["balances"][0]["available"]) == posted - 7
    assert (data["payment"]["amount"], data["entries"][1]["posted_after"]) == (1, 5), "what fits stays a number"
    assert data["payment"]["metadata"] == {"amount": "12", "posted": "x"}


async def test_the_largest_safe_integer_stays_a_number() -> None:
    (event,) = await told(e.Paid(KEY, KEY, "a", "b", 2**53 - 1, "EUR", 0, 0, 2**53 - 1, 0, None, None, ()))
    data = msgspec.json.decode(encode_event(event))["data"]
    assert (data["payment"]["amount"], data["entries"][1]["posted_after"]) == (2**53 - 1, 2**53 - 1)


async def test_large_amounts_and_limits_are_text_wherever_they_stand() -> None:
    paid, opened = await told(
        e.Paid(KEY, KEY, "a", "b", LARGE, "EUR", -LARGE, 0, LARGE, 0, None, None, ()),
        e.AccountOpened("c", "EUR", -LARGE, LARGE, None),
    )
    data = msgspec.json.decode(encode_event(paid))["data"]
    assert [data["payment"][name] for name in ("amount", "captured", "refunded")] == [str(LARGE), str(LARGE), 0]
    assert (data["payment"]["legs"][0]["amount"], data["amounts"]) == (str(LARGE), [str(LARGE)])
    account = msgspec.json.decode(encode_event(opened))["data"]["account"]
    assert (account["min_balance"], account["max_balance"]) == (str(-LARGE), str(LARGE))


async def test_the_largest_payment_that_the_interface_takes_stays_within_the_bound() -> None:
    names = ["\x01" * (METADATA_KEY_CHARACTERS_MAX - 2) + f"{number:02}" for number in range(METADATA_MEMBERS_MAX)]
    metadata = dict.fromkeys(names, "\x01" * METADATA_VALUE_CHARACTERS_MAX)
    accounts = [f"{number:0{ACCOUNT_ID_CHARACTERS_MAX}}" for number in range(2 * LEGS_MAX)]
    legs = tuple(Leg(accounts[2 * leg], accounts[2 * leg + 1], LARGE, "EUR") for leg in range(LEGS_MAX))
    entries = tuple(
        e.Entry(account, leg // 2, -LARGE if leg % 2 else LARGE, "EUR", -LARGE, 1) for leg, account in enumerate(accounts)
    )
    balances = tuple(e.Balances(account, "EUR", -LARGE, LARGE, LARGE) for account in accounts)
    (event,) = await told(e.PaidLegs(KEY, KEY, legs, entries, (), "\x01" * REFERENCE_CHARACTERS_MAX, metadata, balances))
    assert EVENT_BYTES_MAX / 2 < len(encode_event(event)) < EVENT_BYTES_MAX


async def test_a_batch_is_a_json_array() -> None:
    events = await told(*(e.AccountOpened(name, "EUR", 0, None, None) for name in "ab"))
    assert msgspec.json.decode(encode_batch(events)) == [msgspec.json.decode(encode_event(event)) for event in events]
    assert encode_batch([]) == b"[]"
