"""The settings: a TOML file, overlaid by PAYMENTS_* variables. Every field's description is the documentation."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, inspect

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
    shards: Annotated[int, Meta(ge=1, le=1024, description="number of shards; fixed when the ledger is created")] = 8
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
    return Settings(**values)


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
        return msgspec.convert(value, annotated, strict=strict)
    except msgspec.ValidationError as error:
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
