"""Settings as files: what they override, which folders and files are refused, and how errors name them."""

from pathlib import Path

import pytest

from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.settings import load_settings, salvage_settings


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of secrets, in force, away from the working folder."""
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    working = tmp_path / "working"
    working.mkdir()
    monkeypatch.chdir(working)
    monkeypatch.setenv("QWENQ_SECRETS_DIR", str(folder))
    return folder


def test_a_setting_is_read_from_its_secret_file(secrets: Path) -> None:
    (secrets / "qwenq_database_url").write_text("postgresql://qwenq:word@db/qwenq\n")
    (secrets / "QWENQ_FLOWER_AUTH").write_text("ann:word")
    (secrets / "another").write_text("not ours")
    settings = load_settings()
    assert settings.database_url == "postgresql://qwenq:word@db/qwenq"
    assert settings.flower_auth is not None
    assert settings.flower_auth.get_secret_value() == "ann:word"


def test_a_secret_file_overrides_the_file_and_the_environment_overrides_it(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("qwenq.toml").write_text('broker_url = "redis://toml"\nsubmitter = "toml"\n')
    (secrets / "qwenq_broker_url").write_text("redis://secret")
    (secrets / "qwenq_submitter").write_text("secret")
    monkeypatch.setenv("QWENQ_SUBMITTER", "environment")
    settings = load_settings()
    assert (settings.broker_url, settings.submitter) == ("redis://secret", "environment")


def test_the_settings_file_may_name_the_folder_of_secrets(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QWENQ_SECRETS_DIR")
    (secrets / "qwenq_model").write_text("from/secret")
    Path("qwenq.toml").write_text(f'secrets_dir = "{secrets}"\n')
    assert load_settings().model == "from/secret"


def test_an_empty_secret_file_counts_as_no_file(secrets: Path) -> None:
    (secrets / "qwenq_flower_auth").touch()
    assert load_settings().flower_auth is None


def test_a_missing_folder_of_secrets_is_named(secrets: Path) -> None:
    secrets.rmdir()
    with pytest.raises(InvalidSetting, match=f"{secrets} cannot be read: no such file") as caught:
        load_settings()
    assert caught.value.name == "QWENQ_SECRETS_DIR"


def test_an_invalid_value_is_named_by_its_secret_file_without_the_value(secrets: Path) -> None:
    file = secrets / "qwenq_flower_auth"
    file.write_text("onlyaword")
    with pytest.raises(InvalidSetting, match="it must read user:password") as caught:
        load_settings()
    assert caught.value.name == str(file)
    assert "onlyaword" not in str(caught.value)


def test_a_secret_that_other_users_may_write_is_refused(secrets: Path) -> None:
    file = secrets / "qwenq_broker_url"
    file.write_text("redis://theirs")
    file.chmod(0o666)
    with pytest.raises(InvalidSetting, match=f"other users may write {file}: run chmod o-w on it"):
        load_settings()
    file.chmod(0o444)
    secrets.chmod(0o777)
    with pytest.raises(InvalidSetting, match=f"other users may write into {secrets}"):
        load_settings()


@pytest.mark.parametrize("kind", ["folder", "link", "bytes"])
def test_a_secret_that_cannot_be_read_is_named(secrets: Path, tmp_path: Path, kind: str) -> None:
    file = secrets / "qwenq_broker_url"
    if kind == "folder":
        file.mkdir()
    elif kind == "link":
        (tmp_path / "elsewhere").write_text("redis://elsewhere")
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidSetting, match=str(file)):
        load_settings()


def test_links_within_the_folder_of_secrets_are_followed_as_kubernetes_makes_them(secrets: Path) -> None:
    (secrets / "..data").mkdir()
    (secrets / "..data" / "qwenq_model").write_text("from/link")
    (secrets / "qwenq_model").symlink_to("..data/qwenq_model")
    assert load_settings().model == "from/link"


def test_salvage_goes_on_without_a_folder_of_secrets_that_is_wrong(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWENQ_MODEL", "kept")
    secrets.rmdir()
    settings, wrong = salvage_settings()
    assert [error.name for error in wrong] == ["QWENQ_SECRETS_DIR"]
    assert settings.model == "kept"
