"""`payments up`: starts, says where it is, stops, and survives what happens to it."""

import ipaddress
import shlex
import signal
import socket
import subprocess
from collections.abc import Callable

import httpx
import psutil

from processor.local.ports import free_port
from tests.system.instance import END_SECONDS, Instance

NewInstance = Callable[..., Instance]


def one_line(text: str) -> str:
    """Return the only line of a message, without what introduces it."""
    (line,) = text.splitlines()
    assert line.startswith("payments: ")
    return line.removeprefix("payments: ")


def assert_all_end(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=END_SECONDS)
    assert [process.cmdline() for process in alive] == []


def test_a_started_instance_is_ready_and_says_where_it_listens(instance: Instance) -> None:
    assert httpx.get(f"{instance.url}/readyz").status_code == 200
    for title, url in (("API", instance.url), ("Docs", f"{instance.url}/docs"), ("Metrics", f"{instance.url}/metrics")):
        assert any(line.split() == [title, url] for line in instance.output.splitlines())
    (dashboard,) = (line.split()[1] for line in instance.output.splitlines() if line.startswith("Dashboard"))
    assert httpx.get(f"{dashboard}/api/version").status_code == 200


def test_the_command_that_it_prints_works(instance: Instance) -> None:
    (line,) = (line for line in instance.output.splitlines() if line.startswith("Try it:"))
    command = shlex.split(line.removeprefix("Try it:"))
    done = subprocess.run([*command, "--silent", "--fail"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert httpx.get(f"{instance.url}/v1/accounts/world").json()["currency"] == "EUR"


def test_nothing_listens_beyond_loopback(instance: Instance) -> None:
    open_sockets = {
        (connection.laddr.ip, connection.laddr.port, process.name())
        for process in instance.processes()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM
    }
    assert instance.port in {port for _, port, _ in open_sockets}
    assert len(open_sockets) > 5, "Ray's own listeners must be among those that are looked at"
    assert [found for found in open_sockets if not is_loopback(found[0])] == []


def is_loopback(text: str) -> bool:
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def test_a_second_instance_on_the_same_folder_is_refused(instance: Instance) -> None:
    done = instance.run("up")
    assert done.returncode == 1
    said = one_line(done.stderr)
    assert f"in use by another instance (process {instance.process.pid})" in said
    assert "PAYMENTS_DATA_FOLDER" in said
    assert httpx.get(f"{instance.url}/readyz").status_code == 200


def test_shards_are_listed_with_their_hosts(instance: Instance) -> None:
    done = instance.run("shards")
    assert done.returncode == 0, done.stderr
    heading, *lines = done.stdout.splitlines()
    assert heading.split()[:5] == ["shard", "host", "pid", "epoch", "sequence"]
    hosts = {row["shard"]: row["host"] for row in httpx.get(f"{instance.url}/v1/shards").json()["data"]}
    assert {int(line.split()[0]): line.split()[1] for line in lines} == hosts
    assert list(hosts) == [0, 1, 2, 3]


def test_shards_of_an_instance_that_does_not_run_are_one_line(new_instance: NewInstance) -> None:
    stopped = new_instance()
    done = stopped.run("shards")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no answer from {stopped.url}/v1/shards" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_scaling_what_does_not_run_is_one_line(new_instance: NewInstance) -> None:
    stopped = new_instance()
    done = stopped.run("scale", "--shard-hosts", "2")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: no instance runs in {stopped.data_folder}: start one with `payments up`\n"


def test_a_taken_port_is_refused_before_anything_is_started(new_instance: NewInstance) -> None:
    refused = new_instance()
    with socket.socket() as other:
        other.bind(("127.0.0.1", refused.port))
        other.listen()
        done = refused.run("up")
    assert done.returncode == 1
    assert one_line(done.stderr).startswith(f"port {refused.port} is taken by another program: set PAYMENTS_PORT to")
    assert not (refused.data_folder / "postgres" / "data").exists()


def test_an_unreachable_database_is_named_without_its_password(new_instance: NewInstance) -> None:
    port = free_port()
    refused = new_instance(database_url=f"postgresql://payments:hunter2@127.0.0.1:{port}/payments")
    done = refused.run("up")
    assert done.returncode == 1
    said = one_line(done.stderr)
    assert said.startswith(f"the database at 127.0.0.1:{port} cannot be reached: ")
    assert "hunter2" not in done.stdout + done.stderr


def test_an_address_beyond_loopback_is_refused(new_instance: NewInstance) -> None:
    done = new_instance(host="0.0.0.0").run("up")
    assert done.returncode == 1
    assert one_line(done.stderr).startswith("PAYMENTS_HOST is 0.0.0.0: ")


def test_two_instances_run_side_by_side_keep_their_own_ledgers_and_end_at_once_at_a_second_signal(
    instance: Instance, new_instance: NewInstance
) -> None:
    other = new_instance(shards=2).start()
    created = httpx.post(f"{other.url}/v1/accounts", json={"id": "only-here", "currency": "EUR"})
    assert created.status_code == 201
    assert httpx.get(f"{instance.url}/v1/accounts/only-here").status_code == 404

    processes = other.processes()
    other.signal(signal.SIGTERM)
    assert other.wait() == 0
    assert_all_end(processes)
    assert httpx.get(f"{instance.url}/readyz").status_code == 200

    other.environment["PAYMENTS_SHARDS"] = "3"
    done = other.run("up")
    assert done.returncode == 1
    assert "this ledger was created with 2 shards, not 3" in one_line(done.stderr)

    other.environment["PAYMENTS_SHARDS"] = "2"
    other.start()
    assert httpx.get(f"{other.url}/v1/accounts/only-here").json()["id"] == "only-here"
    assert_a_second_signal_ends_at_once(other)


def assert_a_second_signal_ends_at_once(forced: Instance) -> None:
    processes = forced.processes()
    forced.signal(signal.SIGINT)
    forced.read_until("stopping")
    forced.signal(signal.SIGINT)
    assert forced.wait() == 130
    assert_all_end(processes)


def test_a_killed_instance_leaves_no_process_and_starts_again_and_a_ray_process_that_dies_stops_the_rest(
    new_instance: NewInstance,
) -> None:
    killed = new_instance(shards=2).start()
    assert httpx.post(f"{killed.url}/v1/accounts", json={"id": "kept", "currency": "EUR"}).status_code == 201
    processes = killed.processes()
    killed.signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL

    killed.start()
    assert httpx.get(f"{killed.url}/v1/accounts/kept").status_code == 200
    assert_all_end(processes)

    processes = killed.processes()
    (raylet,) = (process for process in processes if process.name() == "raylet")
    raylet.kill()
    assert killed.wait() == 1
    assert "payments: Ray ended unexpectedly" in killed.output
    assert_all_end(processes)


def test_a_database_that_dies_stops_the_rest(new_instance: NewInstance) -> None:
    broken = new_instance(shards=2).start()
    processes = broken.processes()
    broken.child("bin/postgres").kill()
    assert broken.wait() == 1
    assert f"payments: PostgreSQL ended unexpectedly (exit code -9): see {broken.data_folder}/logs/postgres.log" in broken.output
    assert_all_end(processes)
