"""The settings: a TOML file, overlaid by PAYMENTS_* variables. Every field's description is the documentation."""

import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, inspect

from processor.database_url import with_iam

PREFIX = "PAYMENTS_"
FILE_VARIABLE = "PAYMENTS_SETTINGS"
DEFAULT_FILE = "payments.toml"

Port = Annotated[int, Meta(ge=0, le=65535)]


class BadSettings(Exception):
    """A setting is unknown or not allowed. The message is one line that names the setting, its value and what is allowed."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings, with their defaults. Names of settings end in their unit."""

    host: Annotated[str, Meta(min_length=1, description="address on which the API listens")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="port of the API")] = 8000
    data_folder: Annotated[
        str,
        Meta(
            min_length=1, description="folder of everything that an instance keeps: the embedded database, logs, the Serve config"
        ),
    ] = ".payments"
    shards: Annotated[
        int,
        Meta(
            ge=1, le=1024, description="number of shards; fixed when the ledger is created; at most 50 with a journal in DynamoDB"
        ),
    ] = 8
    shard_hosts: Annotated[int, Meta(ge=1, le=64, description="number of shard hosts, which share the shards among them")] = 1
    api_replicas: Annotated[int, Meta(ge=1, le=64, description="number of processes that answer HTTP requests")] = 1
    database_url: Annotated[
        str,
        Meta(
            pattern="^$|^postgres(ql)?://",
            description="PostgreSQL or Aurora as `postgresql://user:password@host:port/database`; empty: the embedded PostgreSQL",
            extra={"secret": True, "allowed": "empty, or a URL that begins with postgresql://"},
        ),
    ] = ""
    database_auth: Annotated[
        Literal["password", "iam"],
        Meta(
            description="how connections to `database_url` log in: with its password, or with tokens that AWS IAM signs for its user, "
            "which has the role `rds_iam`; the URL then has no password, and sslmode=verify-full"
        ),
    ] = "password"
    database_port: Annotated[
        Port, Meta(description="port of the embedded PostgreSQL; 0: a free one, kept for the next start")
    ] = 0
    ray_port: Annotated[Port, Meta(description="port of Ray's control store; 0: a free one")] = 0
    dashboard_port: Annotated[Port, Meta(description="port of Ray's dashboard and of Serve's REST API; 0: a free one")] = 8265
    lease_seconds: Annotated[
        float, Meta(ge=0.5, le=60, description="a shard host that has not been heard of for this long loses its shards")
    ] = 3.0
    queue_limit_messages: Annotated[
        int, Meta(ge=1, le=1_000_000, description="messages that may wait in a shard host; above it the answer is 503")
    ] = 20_000
    request_timeout_seconds: Annotated[
        float, Meta(ge=0.1, le=300, description="a request without an outcome after this long is answered with 504")
    ] = 10.0
    snapshot_events: Annotated[
        int, Meta(ge=1_000, le=100_000_000, description="events of a shard after which its next snapshot is written")
    ] = 50_000
    memory_outcomes: Annotated[
        int,
        Meta(
            ge=100, le=100_000_000, description="outcomes of idempotency keys that a shard keeps in memory, at most twice as many"
        ),
    ] = 25_000
    memory_seconds: Annotated[
        float,
        Meta(ge=1, le=31_536_000, description="after this long, at most twice, outcomes and finished payments leave memory"),
    ] = 3_600.0
    key_filter_bytes: Annotated[
        int,
        Meta(
            ge=1_024,
            le=268_435_456,
            description="size of a shard's filter over keys that have left memory, rounded up to a power of two; fixed at first use",
        ),
    ] = 1_048_576
    projection_share: Annotated[
        float,
        Meta(ge=0.01, le=1, description="share of the time for which projections are written under load; more when far behind"),
    ] = 0.1
    audit_share: Annotated[
        float, Meta(ge=0.001, le=1, description="share of one core's time that the auditor takes while it is behind the journal")
    ] = 0.02
    journal: Annotated[
        Literal["postgres", "dynamodb", "mirrored"],
        Meta(
            description="where records are written: PostgreSQL, DynamoDB, or both before the answer, as `deploy/journal.md` says"
        ),
    ] = "postgres"
    bridges: Annotated[
        str,
        Meta(
            pattern="^$|^(kinesis|sns|instructions|s3|dynamodb|redis)(,(kinesis|sns|instructions|s3|dynamodb|redis))*$",
            description="what events are carried to, with commas between; the bridge to webhooks runs as soon as there is an endpoint",
            extra={"allowed": "empty, or some of kinesis, sns, instructions, s3, dynamodb, redis"},
        ),
    ] = ""
    bridge_share: Annotated[
        float, Meta(ge=0.01, le=1, description="share of one core's time that a bridge takes while it is behind the journal")
    ] = 0.5
    aws_region: Annotated[str, Meta(min_length=1, description="region of all AWS services")] = "us-east-1"
    aws_endpoint_url: Annotated[
        str,
        Meta(
            pattern="^$|^https?://",
            description="where all AWS services answer, for an emulator; empty: AWS itself",
            extra={"allowed": "empty, or a URL that begins with http:// or https://"},
        ),
    ] = ""
    aws_connect_timeout_seconds: Annotated[
        float, Meta(ge=0.1, le=60, description="after this long without a connection a call to AWS is tried again")
    ] = 2.0
    aws_read_timeout_seconds: Annotated[
        float, Meta(ge=0.5, le=300, description="after this long without an answer a call to AWS is tried again")
    ] = 10.0
    aws_max_attempts: Annotated[
        int, Meta(ge=1, le=20, description="attempts of one call to AWS, with growing pauses between")
    ] = 4
    aws_max_pool_connections: Annotated[
        int, Meta(ge=1, le=1_000, description="connections that one process keeps open to each AWS service")
    ] = 32
    kinesis_stream: Annotated[str, Meta(min_length=1, description="Kinesis stream that gets all events")] = "payments-events"
    sns_topic: Annotated[
        str,
        Meta(min_length=1, description="SNS topic for notifications, by name or ARN; a name that ends in .fifo keeps the order"),
    ] = "payments-notifications"
    sqs_dead_letter_queue: Annotated[str, Meta(min_length=1, description="SQS queue of events that a consumer gave up on")] = (
        "payments-events-dlq"
    )
    sqs_instruction_queue: Annotated[
        str, Meta(min_length=1, description="SQS queue from which payment instructions are taken")
    ] = "payments-instructions"
    sqs_instruction_dead_letter_queue: Annotated[
        str, Meta(min_length=1, description="SQS queue of instructions that cannot be carried out, with the reason")
    ] = "payments-instructions-dlq"
    s3_bucket: Annotated[str, Meta(min_length=1, description="S3 bucket of the transaction records")] = "payments-records"
    s3_flush_seconds: Annotated[
        float, Meta(ge=0.1, le=3_600, description="how long events are gathered for one file of transaction records")
    ] = 60.0
    dynamodb_transactions_table: Annotated[
        str, Meta(min_length=1, description="DynamoDB table of payments, by id, account, and reference")
    ] = "payments-transactions"
    dynamodb_transactions_days: Annotated[
        int, Meta(ge=0, le=36_500, description="days after which payments leave the DynamoDB table of transactions; 0: never")
    ] = 90
    dynamodb_journal_table: Annotated[
        str, Meta(min_length=1, description="DynamoDB table of the journal, if it is written there")
    ] = "payments-journal"
    redis_url: Annotated[
        str,
        Meta(
            pattern="^$|^rediss?://",
            description="Redis or Valkey, as `rediss://user:password@host:port/0`; empty: none, and all goes on without",
            extra={"secret": True, "allowed": "empty, or a URL that begins with redis:// or rediss://"},
        ),
    ] = ""
    rate_limit_requests_per_second: Annotated[
        float, Meta(ge=0, le=1_000_000, description="requests a second that one client may make, counted in Redis; 0: no limit")
    ] = 0.0
    rate_limit_burst_requests: Annotated[
        int, Meta(ge=1, le=1_000_000, description="requests that one client may make at once before its rate counts")
    ] = 100
    webhook_allowed_networks: Annotated[
        str,
        Meta(
            pattern="^$|^[0-9a-fA-F.:/,]+$",
            description="private networks to which webhooks may be sent all the same, as `10.1.0.0/16`, with commas between",
            extra={"allowed": "empty, or networks such as 127.0.0.0/8", "parts": ip_network},
        ),
    ] = ""
    webhook_timeout_seconds: Annotated[
        float, Meta(ge=0.1, le=60, description="after this long without an answer a webhook counts as not delivered")
    ] = 10.0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="least severe messages that are logged")
    ] = "info"

    def to_environment(self) -> dict[str, str]:
        """Return the variables from which another process reads the same settings. They hold the database's password."""
        return {PREFIX + name.upper(): str(getattr(self, name)) for name in self.__struct_fields__}


_FIELDS = {field.name: field for field in inspect.type_info(Settings).fields}  # type: ignore[attr-defined]


def load_settings(environment: Mapping[str, str], folder: Path | None = None) -> Settings:
    """Return the settings of the file that PAYMENTS_SETTINGS names, or `payments.toml` in `folder`, overlaid by the variables.

    Without a `folder` only variables count, as in workers. Raises BadSettings.
    """
    values = _from_file(environment, folder) if folder else {}
    for variable, text in environment.items():
        if variable.startswith(PREFIX) and variable != FILE_VARIABLE:
            name = variable.removeprefix(PREFIX).lower()
            if variable != PREFIX + name.upper() or name not in _FIELDS:
                raise BadSettings(f"{variable} is not a setting; `payments settings` lists them")
            values[name] = _checked(name, text, variable, strict=False)
    return _with_login(Settings(**values))


def _with_login(settings: Settings) -> Settings:
    """Let the URL itself say how to log in: it is all that most of the program is given."""
    if settings.database_auth == "password":
        return settings
    if not settings.database_url:
        raise BadSettings("database_auth is iam, and database_url is empty: the embedded PostgreSQL knows passwords alone")
    try:
        return msgspec.structs.replace(settings, database_url=with_iam(settings.database_url, settings.aws_region))
    except ValueError as error:
        raise BadSettings(f"database_url is (hidden): {error}") from error


def settings_table() -> str:
    """Return all settings as a Markdown table."""
    rows = ["| setting | variable | default | allowed | meaning |", "| --- | --- | --- | --- | --- |"]
    for name, field in _FIELDS.items():
        default = f"`{field.default}`" if field.default != "" else "empty"
        rows.append(f"| `{name}` | `{PREFIX}{name.upper()}` | {default} | {_allowed(name)} | {_description(name)} |")
    return "\n".join(rows)


def _from_file(environment: Mapping[str, str], folder: Path) -> dict[str, Any]:
    named = environment.get(FILE_VARIABLE)
    path = folder / (named or DEFAULT_FILE)
    if not named and not path.exists():
        return {}
    try:
        content = tomllib.loads(path.read_text())
    except OSError as error:
        raise BadSettings(f"{FILE_VARIABLE} names {path}, which cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path} is not valid TOML: {error}") from error
    for name in content:
        if name not in _FIELDS:
            raise BadSettings(f"{name} in {path} is not a setting; `payments settings` lists them")
    return {name: _checked(name, value, f"{name} in {path}", strict=True) for name, value in content.items()}


def _checked(name: str, value: object, place: str, strict: bool) -> Any:
    # The annotated type, and not the struct as a whole, so that the message can name the place.
    annotated = Settings.__annotations__[name]
    try:
        converted = msgspec.convert(value, annotated, strict=strict)
        check = _meta(name).get("parts")  # raises ValueError for what is between commas and makes no sense
        if check is not None:
            for part in filter(None, str(converted).split(",")):
                check(part)
        return converted
    except ValueError as error:  # msgspec's own is one too
        shown = "(hidden)" if _meta(name).get("secret") else repr(value)
        raise BadSettings(f"{place} is {shown}; allowed: {_allowed(name)}") from error


def _meta(name: str) -> dict[str, Any]:
    field_type = _FIELDS[name].type
    return (field_type.extra or {}) if isinstance(field_type, inspect.Metadata) else {}


def _description(name: str) -> str:
    field_type = _FIELDS[name].type
    schema = field_type.extra_json_schema if isinstance(field_type, inspect.Metadata) else None
    return str((schema or {})["description"])


def _allowed(name: str) -> str:
    if "allowed" in _meta(name):
        return str(_meta(name)["allowed"])
    field_type = _FIELDS[name].type
    plain = field_type.type if isinstance(field_type, inspect.Metadata) else field_type
    if isinstance(plain, inspect.LiteralType):
        return ", ".join(f"`{value}`" for value in plain.values)
    if isinstance(plain, inspect.IntType | inspect.FloatType):
        kind = "an integer" if isinstance(plain, inspect.IntType) else "a number"
        return f"{kind} from {plain.ge} to {plain.le}"
    return "text that is not empty"
