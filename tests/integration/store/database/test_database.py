"""Opening a store, and its kinds of transaction."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import exc, func, insert, select, text, update

from qwenq.schemas.errors import InvalidSetting, StoreAway
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import jobs
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store, database_url
from qwenq.store.life.jobs import create_job
from tests.builders import MODEL, make_job

SPEC = JobSpec(model=MODEL)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("not a url", "not a database URL"),
        ("", "not a database URL"),
        ("postgresql://user@host:port/db", "not a database URL"),
        ("mysql://localhost/db", "mysql is not supported"),
        ("postgres://localhost/db", "postgres is not supported"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:////no/such/folder/store.db", "/no/such/folder does not exist"),
    ],
)
def test_an_invalid_database_url_raises_invalid_setting(url: str, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason) as invalid:
        Store(url)
    assert invalid.value.name == "QWENQ_DATABASE_URL"


def test_an_unreachable_postgres_is_away_and_its_password_is_masked() -> None:
    with Store("postgresql://someone:s3cret@127.0.0.1:1/db") as store:
        for transaction in (store.reading, store.writing):
            with pytest.raises(StoreAway, match=r"someone:\*\*\*@127\.0\.0\.1:1/db") as away, transaction():
                pass
            assert "s3cret" not in str(away.value)
        assert "s3cret" not in store.url


def test_a_postgres_that_goes_away_is_away_and_comes_back(postgres: Store) -> None:
    end_others = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    url = postgres.engine.url.render_as_string(hide_password=False)
    with Store(url) as other, pytest.raises(StoreAway), postgres.writing() as connection:
        create_job(connection, SPEC)
        with other.writing() as ending:
            assert ending.execute(end_others).scalar_one() >= 1
        create_job(connection, SPEC)
    with postgres.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(jobs)) == 0


def test_a_file_that_is_no_database_is_a_store_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"something else " * 1_000)
    refused = pytest.raises((StoreAway, exc.DatabaseError), match="not a database")
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as store, refused, store.reading():
        pass


def test_the_embedded_store_lies_in_the_home_folder_which_is_made(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "a" / "home")
    with Store.of(settings) as store, store.reading():
        pass
    assert (tmp_path / "a" / "home" / "qwenq.db").is_file()
    assert database_url(settings) == f"sqlite:///{tmp_path / 'a' / 'home' / 'qwenq.db'}"
    assert store.dialect == "sqlite"


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError, match="half way"), store.writing() as connection:
        create_job(connection, SPEC)
        raise RuntimeError("half way")
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(jobs)) == 0


def test_a_reader_sees_one_snapshot_whatever_is_written_meanwhile(store: Store) -> None:
    make_job(store)
    with store.reading() as connection:
        before = connection.scalar(select(func.count()).select_from(jobs))
        make_job(store)
        assert connection.scalar(select(func.count()).select_from(jobs)) == before == 1
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(jobs)) == 2


def test_an_error_of_the_caller_is_not_reported_as_store_away(store: Store) -> None:
    with pytest.raises(exc.IntegrityError), store.writing() as connection:
        connection.execute(update(jobs).values(state="nonsense"))
        connection.execute(insert(jobs).values(id=1))


def test_the_databases_clock_can_be_moved_and_is_exact(store: Store) -> None:
    with store.reading() as connection:
        past, present, future = connection.execute(select(now(-90.5), now(), now(0.25))).one()
    assert (present - past).total_seconds() == pytest.approx(90.5, abs=0.1)
    assert (future - present).total_seconds() == pytest.approx(0.25, abs=0.1)
    assert past.tzinfo is present.tzinfo is not None


def test_a_sqlite_store_is_durable_checks_foreign_keys_and_does_not_block_readers(sqlite_url: str) -> None:
    with Store(sqlite_url) as store:
        with store.reading() as connection:
            found = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        assert found == ["wal", 2, 1]
        with store.writing() as connection:
            create_job(connection, SPEC)
            with store.reading() as beside:
                assert beside.scalar(select(func.count()).select_from(jobs)) == 0
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as plain:
        assert plain.execute("SELECT count(*) FROM jobs").fetchone() == (1,)
    plain.close()


def test_only_what_a_power_cut_may_undo_does_not_wait_for_the_disk(store: Store) -> None:
    setting = "PRAGMA synchronous" if store.dialect == "sqlite" else "SHOW synchronous_commit"
    with store.writing() as connection:
        waits = connection.exec_driver_sql(setting).scalar_one()
    with store.fleeting() as connection:
        fleeting = connection.exec_driver_sql(setting).scalar_one()
    with store.writing() as connection:
        assert connection.exec_driver_sql(setting).scalar_one() == waits
    if store.dialect == "sqlite":
        assert (waits, fleeting) == (2, 1)
    else:
        assert fleeting == waits


def test_an_interrupt_while_a_connection_goes_back_is_not_logged(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It may come at any moment; the command tells it."""

    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    connection = store.engine.connect()
    monkeypatch.setattr(connection.dialect, "do_rollback", interrupt)
    with pytest.raises(KeyboardInterrupt):
        connection.close()
    assert "Exception during reset" not in caplog.text
