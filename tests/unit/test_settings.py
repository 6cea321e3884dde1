"""Settings: where they come from, and what is said of bad ones."""

import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest

from processor.settings import BadSettings, Settings, load_settings, settings_table

ROOT = Path(__file__).parents[2]


def test_without_file_and_variables_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings({"HOME": "/"}, tmp_path) == Settings()


def test_the_file_is_read_and_variables_come_before_it(tmp_path: Path) -> None:
    (tmp_path / "payments.toml").write_text('port = 9000\nshards = 4\nlog_level = "debug"\n')
    loaded = load_settings({"PAYMENTS_PORT": "9001", "PAYMENTS_LEASE_SECONDS": "1.5"}, tmp_path)
    assert loaded == Settings(port=9001, shards=4, log_level="debug", lease_seconds=1.5)


def test_a_file_of_another_name_is_read_instead_of_the_usual_one(tmp_path: Path) -> None:
    (tmp_path / "payments.toml").write_text("port = 9000\n")
    (tmp_path / "other.toml").write_text("shards = 2\n")
    assert load_settings({"PAYMENTS_SETTINGS": "other.toml"}, tmp_path) == Settings(shards=2)


def test_workers_read_the_same_settings_from_their_environment(tmp_path: Path) -> None:
    settings = Settings(port=9002, lease_seconds=0.7, database_url="postgresql://me:secret@db/ledger", data_folder="/data")
    assert load_settings(settings.to_environment()) == settings


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("PAYMENTS_PORT", "eight", "an integer from 1 to 65535"),
        ("PAYMENTS_PORT", "0", "an integer from 1 to 65535"),
        ("PAYMENTS_PORT", "65536", "an integer from 1 to 65535"),
        ("PAYMENTS_PORT", "80.5", "an integer from 1 to 65535"),
        ("PAYMENTS_PORT", "", "an integer from 1 to 65535"),
        ("PAYMENTS_SHARDS", "true", "an integer from 1 to 1024"),
        ("PAYMENTS_DATABASE_PORT", "-1", "an integer from 0 to 65535"),
        ("PAYMENTS_LEASE_SECONDS", "nan", "a number from 0.5 to 60"),
        ("PAYMENTS_LEASE_SECONDS", "inf", "a number from 0.5 to 60"),
        ("PAYMENTS_LOG_LEVEL", "loud", "`debug`"),
        ("PAYMENTS_DATA_FOLDER", "", "text that is not empty"),
        ("PAYMENTS_WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/8,10.1.0.1/16", "networks such as 127.0.0.0/8"),
        ("PAYMENTS_WEBHOOK_ALLOWED_NETWORKS", "localhost", "networks such as 127.0.0.0/8"),
    ],
)
def test_a_variable_that_is_not_allowed_is_named_with_its_value(variable: str, value: str, allowed: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as caught:
        load_settings({variable: value}, tmp_path)
    assert str(caught.value).startswith(f"{variable} is {value!r}; allowed: ")
    assert allowed in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prot = 1", "prot in "),
        ('port = "8000"', "is '8000'; allowed: an integer from 1 to 65535"),
        ("port = 8000.0", "is 8000.0; allowed: an integer"),
        ("shards = true", "is True; allowed: an integer from 1 to 1024"),
        ("port = ", "is not valid TOML"),
        ("[ray]\nport = 1", "ray in "),
    ],
)
def test_a_line_of_the_file_that_is_not_allowed_is_named(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "payments.toml").write_text(content)
    with pytest.raises(BadSettings) as caught:
        load_settings({}, tmp_path)
    assert said in str(caught.value)
    assert "payments.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("variable", ["PAYMENTS_PRT", "PAYMENTS_port", "PAYMENTS_"])
def test_an_unknown_variable_is_refused(variable: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=f"^{variable} is not a setting"):
        load_settings({variable: "1"}, tmp_path)


def test_a_settings_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"^PAYMENTS_SETTINGS names .*gone\.toml, which cannot be read: No such file"):
        load_settings({"PAYMENTS_SETTINGS": "gone.toml"}, tmp_path)


@pytest.mark.parametrize("url", ["mysql://me:hunter2@db", "hunter2"])
def test_a_bad_database_url_is_refused_without_showing_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as caught:
        load_settings({"PAYMENTS_DATABASE_URL": url}, tmp_path)
    assert "PAYMENTS_DATABASE_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_every_setting_has_a_row_with_its_variable_default_range_and_meaning() -> None:
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in settings_table().splitlines()[2:]]
    assert [row[0] for row in rows] == [f"`{name}`" for name in Settings.__struct_fields__]
    assert [row[1] for row in rows] == [f"`PAYMENTS_{name.upper()}`" for name in Settings.__struct_fields__]
    assert all(all(row) and len(row) == 5 for row in rows)


def test_the_readme_holds_the_table() -> None:
    assert settings_table() in (ROOT / "README.md").read_text()


def test_the_example_file_shows_every_setting_with_its_default() -> None:
    example = tomllib.loads((ROOT / "payments.toml.example").read_text())
    assert example == msgspec.structs.asdict(Settings())
    assert list(example) == list(Settings.__struct_fields__)


def test_the_command_line_ends_with_code_2_and_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "processor.cli.main", "up"]
    environment = {"PAYMENTS_PORT": "none", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "payments: PAYMENTS_PORT is 'none'; allowed: an integer from 1 to 65535\n"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "the embedded PostgreSQL knows passwords alone"),
        ("postgresql://me:s3cret@db/ledger?sslmode=verify-full", "leave the password out"),
        ("postgresql://db/ledger?sslmode=verify-full", "it names no user"),
        ("postgresql://me@db/ledger", "it lacks sslmode=verify-full"),
        ("postgresql://me@db/ledger?sslmode=require", "it lacks sslmode=verify-full"),
    ],
)
def test_a_login_by_iam_that_could_not_work_is_refused(url: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as caught:
        load_settings({"PAYMENTS_DATABASE_AUTH": "iam", "PAYMENTS_DATABASE_URL": url}, tmp_path)
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value) and "\n" not in str(caught.value)
