"""The commands beside a running instance: proving, sending a file, the demonstration. And two instances at once."""

from pathlib import Path

import pytest

from tests.system.instance import Instance, new_folder
from tests.system.ledger.api import Api
from tests.system.ledger.books import Books

HEADER = "idempotency_key,from,to,amount,currency,reference\n"


def test_a_file_sent_twice_pays_once(ledger: Instance, api: Api, tmp_path: Path) -> None:
    api.fund("alice", 1_000)
    api.open("bob")
    alice, bob = api.name("alice"), api.name("bob")
    file = tmp_path / "payments.csv"
    lines = [f"{api.name('file')}-{number},{alice},{bob},2,EUR,invoice {number}\n" for number in range(300)]
    file.write_text(HEADER + "".join(lines))

    first = ledger.run("send", str(file), "--url", ledger.url)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "300 lines: 300 accepted, 0 replayed, 0 refused, 0 bad" in first.stdout
    again = ledger.run("send", str(file), "--url", ledger.url)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "300 lines: 0 accepted, 300 replayed, 0 refused, 0 bad" in again.stdout
    assert (api.posted("alice"), api.posted("bob")) == (400, 600)


def test_bad_lines_of_a_file_are_named_and_the_rest_is_paid(ledger: Instance, api: Api, tmp_path: Path) -> None:
    api.fund("alice", 10)
    api.open("bob")
    alice, bob, key = api.name("alice"), api.name("bob"), api.name("bad")
    file = tmp_path / "payments.csv"
    lines = [
        f"{key}-1,{alice},{bob},4,EUR,\n",
        f"{key}-2,{alice},{bob},1.5,EUR,\n",
        f"{key}-3,{alice},{bob},400,EUR,\n",
        "nonsense\n",
    ]
    file.write_text(HEADER + "".join(lines) + f"{key}-5,{alice},{bob},5,EUR,\n")
    done = ledger.run("send", str(file), "--url", ledger.url)
    assert done.returncode == 1
    assert "5 lines: 2 accepted, 0 replayed, 1 refused, 2 bad" in done.stdout
    named = [line.partition(":")[0] for line in done.stdout.splitlines() if line.startswith("line ")]
    assert sorted(named) == ["line 3", "line 4", "line 5"]
    assert api.posted("bob") == 9


def test_the_demonstration_ends_with_the_proof(ledger: Instance) -> None:
    done = ledger.run("demo", "--url", ledger.url, "--accounts", "30", "--payments", "3000", "--single", "300")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DIFFERENCE" not in done.stdout
    assert "The proof holds" in done.stdout


def test_two_instances_keep_their_own_books(books: Books, tight_ledger: Instance) -> None:
    others = Books(tight_ledger)
    assert others.instance.port != books.instance.port
    mine, theirs = ([book.supply.next() for _ in range(50)] for book in (books, others))
    books.send(mine)
    others.send(theirs)
    for here, elsewhere in ((books, others), (others, books)):
        with Api(here.instance.url) as api:
            assert api.get(f"/v1/accounts/{here.world}").status_code == 200
            assert api.get(f"/v1/accounts/{elsewhere.world}").status_code == 404
    books.check()
    others.check()


@pytest.mark.parametrize("settings", [{}, {"database_url": "postgresql://payments:secret@127.0.0.1:1/payments"}])
def test_a_proof_without_a_database_could_not_be_run(settings: dict[str, object]) -> None:
    nothing = Instance(new_folder(), **settings)
    try:
        done = nothing.run("verify")
    finally:
        nothing.remove()
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("payments: the ledger could not be checked: ")
    assert "secret" not in line
