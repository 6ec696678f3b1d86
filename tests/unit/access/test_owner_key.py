"""The key that `qwenq up` makes for the home folder's owner."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenq.access.owner_key import FILE, owner_key_file
from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.service.tenants import LOCAL, Role
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.tenants.keys import any_key, create_key, revoke_key, valid_key


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str) -> Settings:
    return Settings(home=tmp_path / "home", database_url=sqlite_url)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store.of(settings) as store:
        yield store


def test_a_key_is_made_once_and_kept_for_its_user_alone(store: Store, settings: Settings) -> None:
    file = owner_key_file(store, settings, "me")
    assert file == settings.home / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = file.read_text()
    with store.reading() as connection:
        found = valid_key(connection, kept.strip())
    assert found is not None
    stored, _ = found
    assert (stored.tenant, stored.role) == (LOCAL, Role.ADMIN)
    assert owner_key_file(store, settings, "me") == file
    assert file.read_text() == kept
    with store.writing() as connection:
        revoke_key(connection, stored.id)
    assert owner_key_file(store, settings, "me") == file, "without any key, another is made"
    assert file.read_text() != kept


def test_no_key_is_made_where_there_are_others(store: Store, settings: Settings) -> None:
    with store.writing() as connection:
        create_key(connection, LOCAL, "anna", Role.MEMBER, None)
    assert owner_key_file(store, settings, "me") is None


def test_a_key_that_cannot_be_kept_is_not_made(store: Store, settings: Settings) -> None:
    (settings.home / FILE).mkdir(parents=True)
    with pytest.raises(InvalidSetting, match="cannot be written"):
        owner_key_file(store, settings, "me")
    with store.reading() as connection:
        assert not any_key(connection)
