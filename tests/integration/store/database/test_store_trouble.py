"""Errors of a store come as one sentence with a remedy, and show no document."""

import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import URL, exc, insert, text

from qwenq.schemas.errors import InvalidSetting, StoreAway
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import documents
from qwenq.store.database.errors import away
from qwenq.store.database.store import Store, database_url
from tests.builders import make_job

SECRET = "what the contract says"


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("database is locked", "Another program holds the lock"),
        ("database or disk is full", "Free disk space"),
        ("attempt to write a readonly database", "right to read and write"),
        ("unable to open database file", "its folder"),
        ("disk I/O error", "disk is full, broken"),
        ("something new", "Start it, or correct QWENQ_DATABASE_URL"),
    ],
)
def test_errors_of_sqlite_come_with_a_remedy(message: str, remedy: str) -> None:
    found = away("sqlite:///x", exc.OperationalError("SELECT 1", None, sqlite3.OperationalError(message)))
    assert found is not None
    assert message in str(found)
    assert remedy in str(found)


@pytest.mark.parametrize("content", [b"something else " * 1_000, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_file_that_is_no_database_is_store_away_with_a_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.db").write_bytes(content)
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        for transaction in (store.reading, store.writing):
            with pytest.raises(StoreAway, match="Move the file away"), transaction() as connection:
                connection.execute(text("SELECT * FROM jobs"))


def test_a_home_that_is_a_file_raises_invalid_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InvalidSetting) as invalid:
            Store.of(Settings(home=home))
        assert invalid.value.name == "QWENQ_HOME"
        assert "Errno" not in str(invalid.value)


def test_a_home_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    Store.of(Settings(home=tmp_path / "a" / "home")).close()
    assert stat.S_IMODE((tmp_path / "a" / "home").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["a#b", "a?b", "50%20", "a b", "Zürich", "数据", "a+b;c"])
def test_a_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    settings = Settings(home=tmp_path / name)
    with Store.of(settings) as store, store.writing() as connection:
        connection.execute(text("SELECT 1"))
    assert (tmp_path / name / "qwenq.db").is_file()
    assert [folder.name for folder in tmp_path.iterdir()] == [name]
    assert store.url == f"sqlite:///{tmp_path / name / 'qwenq.db'}"
    with Store(URL.create("sqlite", database=str(tmp_path / name / "qwenq.db"))) as again:
        assert again.engine.url.database == Store(database_url(settings)).engine.url.database


def test_an_error_shows_no_document(store: Store) -> None:
    job_id = make_job(store, documents=1)
    row = {"job_id": job_id, "seq": 0, "source": 0, "line": 1, "state": "pending", "content": SECRET}
    for values in (row, {**row, "seq": 1, "state": "nonsense"}):
        with pytest.raises(exc.IntegrityError) as error, store.writing() as connection:
            connection.execute(insert(documents), [values])
        assert SECRET not in str(error.value) + repr(error.value) + str(error.value.orig)


def test_a_missing_right_is_store_away_and_a_programs_fault_is_not(postgres_url: str) -> None:
    with Store(postgres_url) as store:
        with pytest.raises(StoreAway, match=r"grants\.sql"), store.writing() as connection:
            connection.execute(text("CREATE ROLE nobody_here"))
            connection.execute(text("SET LOCAL ROLE nobody_here"))
            connection.execute(text("SELECT * FROM jobs"))
        with pytest.raises(exc.ProgrammingError), store.reading() as connection:
            connection.execute(text("SELECT nonsense"))


def test_a_missing_database_is_store_away_with_a_remedy(postgres_url: str) -> None:
    url = Store(postgres_url).engine.url.set(database="nothing_here")
    refused = pytest.raises(StoreAway, match="Correct the user, the password or the database")
    with Store(url) as store, refused, store.reading():
        pass


def test_a_dead_connection_is_noticed_in_time(postgres_url: str) -> None:
    with Store(postgres_url) as store:
        with store.reading() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            found = driver.info.get_parameters()
        assert (found["keepalives_idle"], found["tcp_user_timeout"]) == ("15", "30000")


def test_a_password_in_the_query_stays_secret() -> None:
    with Store("postgresql://someone@127.0.0.1:1/db?password=s3cret&sslmode=disable") as store:
        assert "s3cret" not in store.url
        with pytest.raises(StoreAway) as refused, store.reading():
            pass
        assert "s3cret" not in str(refused.value)
