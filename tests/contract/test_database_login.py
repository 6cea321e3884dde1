"""Login by IAM and TLS, against a real server: its password is whatever the token is, and its certificate is our own."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import asyncpg
import msgspec
import pytest
from cryptography import x509

from processor.audit.tables import read_tables
from processor.database_url import with_iam
from processor.journal.interface import JournalUnavailable, LedgerUnusable
from processor.journal.postgres import PostgresJournal, PostgresShardMap, create_ledger, login
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from processor.journal.postgres.login import TOKEN_SECONDS, NoToken, Tokens, signed_by_boto3
from processor.local.postgres import EmbeddedPostgres
from processor.projections.reader import ProjectionReader
from processor.projections.schema import prepare_projections
from processor.settings import load_settings
from tests.contract.tls_front import HOST, TlsFront, make_certificate

pytestmark = pytest.mark.anyio

USER, FIRST, SECOND = "payments_app", "the first token", "the second token"


class TlsServer(NamedTuple):
    """A server behind TLS, and who vouches for it."""

    port: int
    authority: Path
    stranger: Path
    owner_url: str
    direct_url: str

    def url(self) -> str:
        """Return the URL without a password for the user of the application."""
        return f"postgresql://{USER}@{HOST}:{self.port}/payments?sslmode=verify-full&sslrootcert={self.authority}"


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    server = EmbeddedPostgres(Path(tempfile.mkdtemp(prefix="payments-test-")))
    direct = server.start()
    folder = tmp_path_factory.mktemp("certificates")
    ours, stranger = make_certificate("ours"), make_certificate("a stranger")
    proof = make_certificate(HOST, ours, x509.IPAddress(ip_address(HOST))).write(folder / "server.pem", with_key=True)
    front = TlsFront(proof, server.port)
    front.start()
    try:
        asyncio.run(_run(direct, f"CREATE ROLE {USER} LOGIN SUPERUSER PASSWORD '{FIRST}'"))
        asyncio.run(create_ledger(direct, 2))
        asyncio.run(prepare_projections(direct))
        authority = ours.write(folder / "ours.pem")
        owner = direct.replace(f":{server.port}/", f":{front.port}/") + f"?sslmode=verify-full&sslrootcert={authority}"
        yield TlsServer(front.port, authority, stranger.write(folder / "stranger.pem"), owner, direct)
    finally:
        front.stop()
        server.stop()
        shutil.rmtree(server.log_path.parent)


async def _run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


@pytest.fixture
async def first_token(tls_server: TlsServer, anyio_backend: str) -> AsyncIterator[None]:
    """The server expects the first token, now and after the test."""
    await _run(tls_server.direct_url, f"ALTER ROLE {USER} PASSWORD '{FIRST}'")
    yield
    await _run(tls_server.direct_url, f"ALTER ROLE {USER} PASSWORD '{FIRST}'")


class Signer:
    """Signs with tokens that it was given, and notes what it was asked for."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.asked: list[tuple[str, int, str, str]] = []

    def __call__(self, host: str, port: int, user: str, region: str) -> str:
        self.asked.append((host, port, user, region))
        return self.tokens.pop(0)


def use(monkeypatch: pytest.MonkeyPatch, tokens: Tokens) -> None:
    monkeypatch.setattr(login, "_TOKENS", tokens)


async def one(url: str) -> int:
    link = Link(url, DEFAULT_TIMEOUTS)
    try:
        return int((await link.fetch("SELECT 1"))[0][0])
    finally:
        await link.close()


async def test_whatever_connects_logs_in_with_the_token(
    tls_server: TlsServer, first_token: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = Signer(FIRST)
    use(monkeypatch, Tokens(signer))
    url = with_iam(tls_server.url(), "eu-central-1")
    journal, shard_map = await PostgresJournal.connect(url), await PostgresShardMap.connect(url)
    reader = await ProjectionReader.connect(url)
    assert await journal.shard_count() == 2
    assert len((await shard_map.view())[1]) == 2
    assert (await journal.head(0)).sequence == 0
    assert await read_tables(url, 2) is not None
    await reader.close()
    await shard_map.close()
    await journal.close()
    # Eight connections or so, and one token.
    assert signer.asked == [(HOST, tls_server.port, USER, "eu-central-1")]


async def test_a_wrong_token_is_refused_and_tried_again_later(
    tls_server: TlsServer, first_token: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Tokens(Signer("another token")))
    with pytest.raises(JournalUnavailable, match="password authentication failed"):
        await one(with_iam(tls_server.url(), "eu-central-1"))


async def test_a_new_connection_has_a_token_of_its_own_time(
    tls_server: TlsServer, first_token: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    signer = Signer(FIRST, SECOND)
    use(monkeypatch, Tokens(signer, lambda: now[0]))
    url = with_iam(tls_server.url(), "eu-central-1")
    link = Link(url, DEFAULT_TIMEOUTS)
    await link.fetch("SELECT 1")
    # The server takes the first token no longer; who is connected stays so.
    await _run(tls_server.direct_url, f"ALTER ROLE {USER} PASSWORD '{SECOND}'")
    await link.fetch("SELECT 1")
    now[0] += TOKEN_SECONDS - 1
    with pytest.raises(JournalUnavailable):
        await one(url)
    now[0] += 1
    assert await one(url) == 1
    assert len(signer.asked) == 2
    # The old link makes its next connection with what is valid then, although it was made with another token.
    await _run(tls_server.direct_url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'")
    with suppress(JournalUnavailable):
        await link.fetch("SELECT 1")
    await link.fetch("SELECT 1")
    assert len(signer.asked) == 2
    await link.close()


async def test_without_credentials_the_database_is_unavailable_and_the_reason_is_said(
    tls_server: TlsServer, first_token: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sign(*_: object) -> str:
        raise NoToken("no token for the database could be signed: Unable to locate credentials")

    use(monkeypatch, Tokens(sign))
    with pytest.raises(JournalUnavailable, match="Unable to locate credentials"):
        await one(with_iam(tls_server.url(), "eu-central-1"))


async def test_the_servers_certificate_is_verified(
    tls_server: TlsServer, first_token: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_password = tls_server.owner_url
    assert await one(with_password) == 1
    with pytest.raises(JournalUnavailable, match="certificate verify failed"):
        await one(with_password.replace(str(tls_server.authority), str(tls_server.stranger)))
    # Vouched for, but as 127.0.0.1.
    with pytest.raises(JournalUnavailable, match="localhost"):
        await one(with_password.replace(f"@{HOST}", "@localhost"))


async def test_a_bundle_that_is_not_there_is_asked_for(
    tls_server: TlsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(LedgerUnusable, match="sslrootcert"):
        await one(tls_server.owner_url.replace(str(tls_server.authority), "/nowhere/bundle.pem"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(LedgerUnusable, match="PGSSLROOTCERT"):
        await one(tls_server.owner_url.replace(f"&sslrootcert={tls_server.authority}", ""))


async def test_the_bundle_may_come_from_the_environment(tls_server: TlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    url = tls_server.owner_url.replace(f"&sslrootcert={tls_server.authority}", "")
    monkeypatch.setenv("PGSSLROOTCERT", str(tls_server.authority))
    assert await one(url) == 1
    monkeypatch.setenv("PGSSLROOTCERT", str(tls_server.stranger))
    with pytest.raises(JournalUnavailable, match="certificate verify failed"):
        await one(url)


def test_a_token_is_signed_for_this_server_and_user_without_any_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    token = signed_by_boto3("ledger.cluster-abc.eu-central-1.rds.amazonaws.com", 5432, USER, "eu-central-1")
    parts = urlsplit("https://" + token)
    query = parse_qs(parts.query)
    assert (parts.hostname, parts.port) == ("ledger.cluster-abc.eu-central-1.rds.amazonaws.com", 5432)
    assert (query["Action"], query["DBUser"], query["X-Amz-Expires"]) == (["connect"], [USER], ["900"])
    assert query["X-Amz-Credential"][0].endswith("/eu-central-1/rds-db/aws4_request")
    assert query["X-Amz-Security-Token"] == ["session"]


def test_no_credentials_are_no_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(NoToken, match="Unable to locate credentials"):
        signed_by_boto3("host", 5432, USER, "eu-central-1")


def test_a_token_lasts_longer_than_it_is_kept() -> None:
    assert TOKEN_SECONDS <= 600


def test_the_settings_carry_the_login_in_the_url_to_every_process() -> None:
    chosen = {
        "PAYMENTS_DATABASE_URL": "postgresql://payments_app@ledger:5432/payments?sslmode=verify-full&sslrootcert=/etc/rds/bundle.pem",
        "PAYMENTS_DATABASE_AUTH": "iam",
        "PAYMENTS_AWS_REGION": "eu-west-1",
    }
    settings = load_settings(chosen)
    assert load_settings(settings.to_environment()) == settings
    told = login.login(settings.database_url)
    assert told["dsn"] == chosen["PAYMENTS_DATABASE_URL"]
    assert callable(told["password"])
    assert login.login(chosen["PAYMENTS_DATABASE_URL"]) == {"dsn": chosen["PAYMENTS_DATABASE_URL"]}
    assert msgspec.structs.asdict(settings)["database_auth"] == "iam"
