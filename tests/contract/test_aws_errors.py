"""What went wrong with AWS is said in one sentence, with what an operator can do."""

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from processor.aws.clients import aws_client
from processor.aws.errors import ERRORS, Fault, explain, fault_of
from processor.cli.main import payments
from processor.local.ports import free_port
from processor.settings import Settings
from tests.aws import EmulatedAws

TARGET = "the Kinesis stream payments-events"


def failure(settings: Settings) -> Exception:
    """Return what boto3 raises when it is asked for a stream."""
    with pytest.raises(ERRORS) as caught:
        aws_client(settings, "kinesis").describe_stream_summary(StreamName=settings.kinesis_stream)
    return caught.value


def answered(code: str, message: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutRecords"
    )


def test_what_is_missing_can_be_made(aws: EmulatedAws) -> None:
    error = failure(aws.settings())
    assert fault_of(error) is Fault.MISSING
    assert explain(error, TARGET).startswith(f"{TARGET} does not exist (ResourceNotFoundException): ")
    assert "`payments aws create`" in explain(error, TARGET)


def test_an_endpoint_where_nobody_listens_is_unreachable(aws: EmulatedAws) -> None:
    error = failure(aws.settings(aws_endpoint_url=f"http://127.0.0.1:{free_port()}"))
    assert fault_of(error) is Fault.UNREACHABLE
    assert explain(error, TARGET).startswith(f"{TARGET} cannot be reached (EndpointConnectionError: ")


def test_a_process_without_credentials_is_told_where_they_come_from(aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    error = failure(aws.settings())
    assert fault_of(error) is Fault.CREDENTIALS
    assert "check the IAM role of this process, or AWS_ACCESS_KEY_ID" in explain(error, TARGET)


@pytest.mark.parametrize(
    ("error", "fault", "words"),
    [
        (answered("ExpiredTokenException", "The security token is expired"), Fault.EXPIRED, "have expired"),
        (answered("UnrecognizedClientException", "The security token is invalid", 403), Fault.CREDENTIALS, "does not know"),
        (
            answered("AccessDeniedException", "User: arn:aws:sts::1:x is not authorized to perform: kinesis:PutRecords on", 400),
            Fault.DENIED,
            "allow kinesis:PutRecords to the role",
        ),
        (answered("AccessDenied", "Access Denied", 403), Fault.DENIED, "allow PutRecords to the role"),
        (answered("com.amazonaws.sqs#QueueDoesNotExist", "gone"), Fault.MISSING, "does not exist (QueueDoesNotExist)"),
        (answered("ProvisionedThroughputExceededException", "slow"), Fault.THROTTLED, "is throttled"),
        (answered("InternalFailure", "internal", 500), Fault.BROKEN, "has an error of its own"),
        (answered("ValidationException", "1 validation\nerror: " + "x" * 999), Fault.REFUSED, "1 validation error: xxx"),
    ],
)
def test_each_kind_has_its_remedy(error: ClientError, fault: Fault, words: str) -> None:
    said = explain(error, TARGET)
    assert fault_of(error) is fault
    assert words in said
    assert "\n" not in said
    assert len(said) < 500


def test_the_command_says_what_it_makes_and_what_it_cannot(aws: EmulatedAws) -> None:
    settings = aws.settings()
    environment = settings.to_environment()
    made = CliRunner().invoke(payments, ["aws", "create"], env=environment)
    again = CliRunner().invoke(payments, ["aws", "create"], env=environment)
    assert (made.exit_code, made.output.count("made\n")) == (0, 8)
    assert (again.exit_code, again.output.count("was there\n")) == (0, 8)
    nobody = environment | {"PAYMENTS_AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    refused = CliRunner().invoke(payments, ["aws", "create"], env=nobody)
    assert refused.exit_code == 1
    assert refused.output.startswith(f"Error: the Kinesis stream {settings.kinesis_stream} cannot be reached")
    assert len(refused.output.splitlines()) == 1
