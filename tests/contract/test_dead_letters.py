"""Dead letters through the API and the command line: seen without being lost, sent back without being lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ConnectionClosedError
from click.testing import CliRunner, Result
from msgspec.structs import replace

from processor.bridges.dead_letters import list_dead_letters
from processor.bridges.queues import redrive, sample
from processor.cli.main import payments
from processor.eventlog.cloud_event import encode_event
from processor.settings import Settings
from serve.app import Application, create_app
from serve.dead_letters import DeadLetters
from serve.routed_ledger import RoutedLedger
from tests.api_server import listening
from tests.aws import EmulatedAws
from tests.aws_faults import before
from tests.contract.bridging import ScriptedSink, event_at, make_scene
from tests.contract.instructing import Queues, instruction, make_queues, open_accounts, until, working
from tests.unit.serve.calls import problem
from tests.unit.serve.running_ledger import running_ledger

pytestmark = pytest.mark.anyio

PATH, REDRIVE = "/v1/dead-letters", "/v1/dead-letters/redrive"
EVENTS = [encode_event(event_at(shard, 7, 1)).decode() for shard in range(4)]


class Letters:
    """The queues around dead letters, from outside."""

    def __init__(self, aws: EmulatedAws, settings: Settings) -> None:
        self.sqs, self.sns = aws.client("sqs"), aws.client("sns")
        self.events = self.url(settings.sqs_dead_letter_queue)
        self.instructions = self.url(settings.sqs_instruction_dead_letter_queue)
        self.topic = self.sns.create_topic(Name=settings.sns_topic)["TopicArn"]

    def url(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def arn(self, url: str) -> str:
        return str(self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    def put(self, url: str, body: str, **attributes: str) -> str:
        """Send a message with text attributes; return its id."""
        told = {
            name.replace("source_", "source-"): {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        }
        return str(self.sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=told)["MessageId"])

    def consumer(self, name: str, *, subscribed: bool) -> str:
        """Make the queue of a consumer that gives up at once, and return its URL."""
        policy = json.dumps({"deadLetterTargetArn": self.arn(self.events), "maxReceiveCount": "1"})
        url: str = self.sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
        if subscribed:
            self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.arn(url))
        return url

    def give_up(self, url: str) -> None:
        """Receive everything from a consumer's queue until SQS has moved it to the dead letters."""
        while self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages"):
            pass

    def take(self, url: str) -> list[dict[str, Any]]:
        """Take all messages out of a queue."""
        taken: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"]
        ).get("Messages", []):
            taken += messages
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator always knows whether there are messages."""
    for module in (sample, redrive):
        monkeypatch.setattr(module, "WAIT_SECONDS", 0)


@pytest.fixture
def settings(aws: EmulatedAws) -> Settings:
    settings = aws.settings()
    make_queues(aws, settings)
    aws.client("sqs").create_queue(QueueName=settings.sqs_dead_letter_queue)
    return settings


@pytest.fixture
def letters(aws: EmulatedAws, settings: Settings) -> Letters:
    return Letters(aws, settings)


@pytest.fixture
async def ledger(anyio_backend: str) -> AsyncIterator[RoutedLedger]:
    async with running_ledger() as ledger:
        yield ledger


@pytest.fixture
async def app(ledger: RoutedLedger, settings: Settings) -> AsyncIterator[Application]:
    desk = DeadLetters(settings, no_database)
    yield create_app(ledger, dead_letters=desk)
    desk.close()


@pytest.fixture
async def api(app: Application) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


def client_of(app: Application) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=True), base_url="http://127.0.0.1:8000")


async def no_database(*_: object) -> list[Any]:
    raise AssertionError("these tests keep no bridge's letters")


async def seen(api: httpx.AsyncClient, queue: str, **query: Any) -> dict[str, dict[str, Any]]:
    """Return the letters that the API shows, by id."""
    answer = await api.get(PATH, params={"queue": queue, **query})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["has_more"], body["next_cursor"]) == (False, None)
    assert body["approximate_count"] >= len(body["data"])
    return {letter["id"]: letter for letter in body["data"]}


async def sent_back(api: httpx.AsyncClient, queue: str, **body: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Return where letters went, and why others stay."""
    answer = await api.post(REDRIVE, json={"queue": queue, **body})
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert done["stopped"] is None
    return {item["id"]: item["to"] for item in done["moved"]}, {item["id"]: item["reason"] for item in done["not_moved"]}


def lambda_gave_up(message: str) -> str:
    """Return what Lambda sends to its on-failure destination after a notification it could not handle."""
    record = {"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": message}}
    context, said = {"condition": "RetriesExhausted"}, {"errorMessage": "no such customer", "errorType": "KeyError"}
    return json.dumps({"requestContext": context, "requestPayload": {"Records": [record]}, "responsePayload": said})


async def test_letters_are_shown_whoever_has_put_them_there_and_stay(
    api: httpx.AsyncClient, letters: Letters, settings: Settings
) -> None:
    consumer = letters.consumer(f"consumer-{settings.sns_topic}", subscribed=True)
    letters.sns.publish(TopicArn=letters.topic, Message=EVENTS[0])
    letters.give_up(consumer)
    told = letters.put(letters.events, EVENTS[1], reason="no such customer", code="unknown", source_queue="orders")
    by_lambda = letters.put(letters.events, lambda_gave_up(EVENTS[2]))
    by_sns = letters.put(letters.events, EVENTS[3], ErrorMessage="no permission", ErrorCode="403")
    long = letters.put(letters.events, "x" * 10_000)
    for looked in range(1, 4):
        shown = await seen(api, "events")
        assert len(shown) == 5
        assert shown[told] == {
            "id": told, "queue": "events", "reason": "no such customer", "code": "unknown", "payment_id": None, "event": "1:7:1",
            "source": "orders", "received_count": looked, "sent_at": shown[told]["sent_at"], "body": EVENTS[1],
            "body_truncated": False, "redrive_asked": False,
        }  # fmt: skip
    assert (shown[by_lambda]["event"], shown[by_lambda]["reason"]) == (
        "2:7:1",
        "Lambda gave up: RetriesExhausted, no such customer",
    )
    assert [shown[by_sns][name] for name in ("event", "reason", "code")] == ["3:7:1", "no permission", "403"]
    assert (len(shown[long]["body"]), shown[long]["body_truncated"], shown[long]["event"]) == (4096, True, None)
    [moved] = [letter for identity, letter in shown.items() if identity not in (told, by_lambda, by_sns, long)]
    assert (moved["event"], moved["source"]) == ("0:7:1", f"consumer-{settings.sns_topic}")
    assert "too often" in moved["reason"]
    # Others get them at once.
    assert len(letters.take(letters.events)) == 5


async def test_a_limit_holds_and_an_empty_queue_is_empty(api: httpx.AsyncClient, letters: Letters) -> None:
    assert await seen(api, "instructions") == {}
    for number in range(23):
        letters.put(letters.instructions, instruction(f"k{number}", "a", "b"), reason="r")
    assert len(await seen(api, "instructions", limit=12)) == 12
    assert len(await seen(api, "instructions", limit=100)) == 23


async def test_events_go_back_to_their_queue_or_to_all_subscribers(
    api: httpx.AsyncClient, letters: Letters, settings: Settings
) -> None:
    consumer = letters.consumer(f"consumer-{settings.sns_topic}", subscribed=False)
    letters.put(consumer, EVENTS[0], color="red")
    letters.give_up(consumer)
    orders = letters.consumer(f"orders-{settings.sns_topic}", subscribed=False)
    told = letters.put(letters.events, EVENTS[1], reason="r", source_queue=f"orders-{settings.sns_topic}", size="9")
    subscriber = letters.consumer(f"subscriber-{settings.sns_topic}", subscribed=True)
    published = {letters.put(letters.events, body) for body in (EVENTS[2], lambda_gave_up(EVENTS[3]))}
    nowhere = letters.put(letters.events, "not an event")
    gone = letters.put(letters.events, EVENTS[1], source_queue="gone")
    crafted = letters.put(letters.events, instruction("k", "a", "b"), source_queue=settings.sqs_instruction_queue)
    url = letters.put(letters.events, instruction("k", "a", "b"), source_queue=letters.url(settings.sqs_instruction_queue))

    moved, stay = await sent_back(api, "events")
    assert moved.keys() >= {told, *published} and len(moved) == 4
    assert moved[told] == f"the SQS queue orders-{settings.sns_topic}"
    assert {moved[identity] for identity in published} == {f"the SNS topic {settings.sns_topic}"}
    assert stay.keys() == {nowhere, gone, crafted, url}
    assert "does not say which queue" in stay[nowhere] and "gone does not exist" in stay[gone]
    assert "takes no events" in stay[crafted] and "not the name of a queue" in stay[url]
    [back] = letters.take(consumer)
    assert back["Body"] == EVENTS[0] and back["MessageAttributes"].keys() == {"color"}
    [order] = letters.take(orders)
    assert order["Body"] == EVENTS[1] and order["MessageAttributes"].keys() == {"size"}
    assert {json.loads(message["Body"])["Message"] for message in letters.take(subscriber)} == set(EVENTS[2:])
    assert (await seen(api, "events")).keys() == stay.keys()


async def test_a_crash_between_sending_and_deleting_sends_again_and_loses_nothing(
    ledger: RoutedLedger, settings: Settings, letters: Letters
) -> None:
    orders = letters.consumer(f"orders-{settings.sns_topic}", subscribed=False)
    identity = letters.put(letters.events, EVENTS[0], source_queue=f"orders-{settings.sns_topic}")

    def die(*_: Any) -> None:
        raise MemoryError

    def break_off(*_: Any) -> None:
        raise ConnectionClosedError(endpoint_url="SQS")

    for hook in (die, break_off):
        with before("sqs", "DeleteMessageBatch", hook):
            desk = DeadLetters(settings, no_database)
            async with client_of(create_app(ledger, dead_letters=desk)) as api:
                answer = await api.post(REDRIVE, json={"queue": "events", "limit": 1})
            desk.close()
        if hook is die:
            problem(answer, 500, "internal_error")
        else:
            assert "moved again" in answer.json()["moved"][0]["note"]
    desk = DeadLetters(settings, no_database)
    async with client_of(create_app(ledger, dead_letters=desk)) as api:
        moved, _ = await sent_back(api, "events")
        assert moved.keys() == {identity}
        assert await seen(api, "events") == {}
    desk.close()
    assert [message["Body"] for message in letters.take(orders)] == [EVENTS[0]] * 3


async def test_what_could_not_be_sent_stays(ledger: RoutedLedger, settings: Settings, letters: Letters) -> None:
    ids = [letters.put(letters.instructions, instruction(f"k{number}", "a", "b")) for number in range(3)]

    def lose_one(model: Any, params: dict[str, Any]) -> dict[str, Any]:
        return {"Successful": [], "Failed": [{"Id": "0", "Code": "InternalError", "Message": "sorry", "SenderFault": False}]}

    with before("sqs", "SendMessageBatch", lose_one):
        desk = DeadLetters(settings, no_database)
        async with client_of(create_app(ledger, dead_letters=desk)) as api:
            moved, stay = await sent_back(api, "instructions", ids=ids[:1])
            assert moved == {} and "InternalError: sorry" in stay[ids[0]]
            assert (await seen(api, "instructions")).keys() == set(ids)
        desk.close()


async def test_instructions_go_back_and_are_paid_but_not_those_that_the_ledger_has_refused(
    aws: EmulatedAws, app: Application, settings: Settings, letters: Letters
) -> None:
    async with listening(app) as url, httpx.AsyncClient(base_url=url) as api:
        settings, queues = replace(settings, port=api.base_url.port), Queues(aws, settings)
        await open_accounts(api, "poor", "bob")
        queues.send([instruction("poor", "poor", "bob")])
        unpaid = {letters.put(letters.instructions, instruction(f"unpaid-{number}", "world", "bob")) for number in range(15)}
        async with working(settings):
            await until(lambda: queues.left(queues.dead_letters) == 16)
            moved, stay = await sent_back(api, "instructions")
            assert moved.keys() == unpaid
            [(_, reason)] = stay.items()
            assert "insufficient_funds" in reason and "new idempotency_key" in reason
            await until(lambda: queues.left(queues.instructions) == 0)
        assert (await api.get("/v1/accounts/bob")).json()["posted"] == 15
        [letter] = (await seen(api, "instructions")).values()
        assert (letter["code"], letter["payment_id"][:4]) == ("insufficient_funds", "pay_")


async def test_only_the_letters_that_are_named_go_back(api: httpx.AsyncClient, settings: Settings, letters: Letters) -> None:
    ids = [letters.put(letters.instructions, instruction(f"k{number}", "a", "b")) for number in range(25)]
    moved, stay = await sent_back(api, "instructions", ids=[ids[3], ids[20], "no-such-letter"])
    assert moved.keys() == {ids[3], ids[20]}
    assert stay.keys() == {"no-such-letter"} and "25 messages" in stay["no-such-letter"]
    assert len(letters.take(letters.url(settings.sqs_instruction_queue))) == 2
    moved, _ = await sent_back(api, "instructions", limit=7)
    assert len(moved) == 7
    assert len(await seen(api, "instructions", limit=100)) == 16


@pytest.mark.parametrize(
    ("query", "parameter"),
    [({"queue": "others"}, "queue"), ({"queue": "events", "cursor": "x"}, "cursor"), ({"limit": 0}, "limit")],
)
async def test_a_bad_question_is_refused(api: httpx.AsyncClient, query: dict[str, Any], parameter: str) -> None:
    answer = problem(await api.get(PATH, params=query), 400, "invalid_parameter")
    assert answer["errors"][0]["parameter"] == parameter


@pytest.mark.parametrize(
    "body",
    [{}, {"queue": "x"}, {"queue": "events", "limit": 1001}, {"queue": "events", "ids": []}, {"queue": "events", "limit": 1, "ids": ["a"]},
     {"queue": "bridges", "ids": ["kinesis"]}],
)  # fmt: skip
async def test_a_bad_redrive_is_refused(api: httpx.AsyncClient, body: dict[str, Any]) -> None:
    problem(await api.post(REDRIVE, json=body), 400, "invalid_body")


async def test_who_uses_no_queues_is_told_so_and_asks_aws_nothing(ledger: RoutedLedger) -> None:
    desk = DeadLetters(Settings(bridges="kinesis"), no_database)
    async with client_of(create_app(ledger, dead_letters=desk)) as api:
        answer = problem(await api.get(PATH, params={"queue": "instructions"}), 404, "dead_letters_not_configured")
        assert "`bridges` names none of instructions" in answer["detail"]


async def test_a_missing_queue_and_aws_out_of_reach_are_told_in_one_sentence(ledger: RoutedLedger, aws: EmulatedAws) -> None:
    missing = aws.settings()
    unreachable = replace(missing, aws_endpoint_url="http://127.0.0.1:1")
    for settings, words in ((missing, "does not exist"), (unreachable, "cannot be reached")):
        desk = DeadLetters(settings, no_database)
        async with client_of(create_app(ledger, dead_letters=desk)) as api:
            for answer in (await api.get(PATH), await api.post(REDRIVE, json={"queue": "events"})):
                told = problem(answer, 503, "dead_letters_unavailable")
                assert told["detail"].startswith(f"The SQS queue {missing.sqs_dead_letter_queue} {words}")
        desk.close()


async def test_letters_of_bridges_are_shown_page_by_page_and_published_again(
    database_url: str, ledger: RoutedLedger, settings: Settings
) -> None:
    scene = await make_scene(database_url)
    await scene.write(0, 3)
    await scene.write(1, 4)
    sink = ScriptedSink()
    sink.refused = set(scene.names)
    desk = DeadLetters(settings, scene.link.fetch)
    async with client_of(create_app(ledger, dead_letters=desk)) as api:
        async with scene.running(sink) as (term, task):
            await scene.until_level(task)
            pages = [(await api.get(PATH, params={"queue": "bridges", "limit": 3})).json()]
            while pages[-1]["has_more"]:
                query = {"queue": "bridges", "limit": 3, "cursor": pages[-1]["next_cursor"]}
                pages.append((await api.get(PATH, params=query)).json())
            shown = [letter for page in pages for letter in page["data"]]
            assert [letter["event"] for letter in shown] == sorted(scene.names)
            assert {(letter["reason"], letter["source"]) for letter in shown} == {("it is too large", "bridge scripted")}
            problem(await api.get(PATH, params={"queue": "bridges", "cursor": "x"}), 400, "invalid_parameter")
            sink.refused = {"1:2:0"}
            moved, stay = await sent_back(api, "bridges", ids=[shown[0]["id"], "scripted/9:9:9", "other/0:2:0"])
            assert moved == {shown[0]["id"]: "the bridge scripted"}
            assert stay == dict.fromkeys(["scripted/9:9:9", "other/0:2:0"], "there is no such dead letter")
            moved, stay = await sent_back(api, "bridges")
            assert len(moved) == 7 and not stay
            term.has_redrives = True
            async with asyncio.timeout(30):
                while len(await list_dead_letters(scene.link.fetch, 10)) > 1 or await scene.to_redrive():
                    await asyncio.sleep(0.05)
    assert set(sink.arrived) == set(scene.names) - {"1:2:0"}
    await scene.close()


async def test_the_command_line_shows_letters_and_sends_them_back(app: Application, letters: Letters) -> None:
    stays = letters.put(
        letters.instructions, "no JSON", reason="The body is [not] JSON.", code="invalid_json", payment_id="pay_1"
    )
    goes = letters.put(letters.instructions, instruction("k", "a", "b"))
    async with listening(app) as url:

        async def run(*arguments: str) -> Result:
            return await asyncio.to_thread(
                CliRunner().invoke, payments, ["dead-letters", *arguments, "--queue", "instructions", "--url", url]
            )

        listed = await run("list")
        assert listed.exit_code == 0 and stays in listed.output and "invalid_json: The body is [not] JSON." in listed.output
        whole = json.loads((await run("list", "--json")).output)
        assert {letter["body"] for letter in whole["data"]} == {"no JSON", instruction("k", "a", "b")}
        more = await run("list", "--limit", "1")
        assert "There are more, about 2" in more.output
        sent = await run("redrive")
        assert sent.exit_code == 1 and f"{goes} went to the SQS queue" in sent.output and f"{stays} stays: " in sent.output
        assert "1 went back, 1 stay" in sent.output
        bad = await run("redrive", "--id", "x", "--limit", "1")
        assert bad.exit_code == 2
    down = await asyncio.to_thread(CliRunner().invoke, payments, ["dead-letters", "list", "--url", "http://127.0.0.1:1"])
    assert down.exit_code == 1 and "is `payments up` running?" in down.output
