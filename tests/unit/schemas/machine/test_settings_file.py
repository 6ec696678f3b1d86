"""qwenq.toml and a home folder that others can change are refused; other people's umasks and groups are not."""

import os
from pathlib import Path

import pytest

from qwenq.schemas.errors import InvalidSetting, UntrustedHome, UntrustedSettingsFile
from qwenq.schemas.machine import ownership
from qwenq.schemas.settings import load_settings, salvage_settings

SOMEBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file of this user in the working folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    path = folder / "qwenq.toml"
    path.write_text('model = "from/file"\n')
    path.chmod(0o644)
    return path


def test_a_file_of_this_user_is_obeyed(file: Path) -> None:
    assert load_settings().model == "from/file"
    file.chmod(0o600)
    assert load_settings().model == "from/file"


@as_root
def test_a_file_of_somebody_else_is_refused(file: Path) -> None:
    os.chown(file, SOMEBODY, SOMEBODY)
    with pytest.raises(
        UntrustedSettingsFile, match=r"qwenq\.toml is refused: it belongs to nobody\. Copy it"
    ):
        load_settings()


@as_root
def test_a_link_of_somebody_else_is_refused(file: Path) -> None:
    file.rename("mine.toml")
    file.symlink_to("mine.toml")
    assert load_settings().model == "from/file"
    os.lchown(file, SOMEBODY, SOMEBODY)
    with pytest.raises(UntrustedSettingsFile, match="belongs to nobody"):
        load_settings()


@as_root
def test_a_link_to_a_file_of_somebody_else_is_refused(file: Path, tmp_path: Path) -> None:
    theirs = file.rename(tmp_path / "theirs.toml")
    os.chown(theirs, SOMEBODY, SOMEBODY)
    file.symlink_to(theirs)
    with pytest.raises(UntrustedSettingsFile, match="belongs to nobody"):
        load_settings()


@as_root
def test_a_file_in_a_folder_of_somebody_else_is_refused(file: Path) -> None:
    os.chown(file.parent, SOMEBODY, SOMEBODY)
    with pytest.raises(UntrustedSettingsFile, match="belongs to nobody, who can replace it"):
        load_settings()


@pytest.mark.parametrize("mode", [0o646, 0o666, 0o602])
def test_a_file_that_all_may_write_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(
        UntrustedSettingsFile, match=r"others can write to it\. Type `chmod go-w qwenq\.toml`"
    ):
        load_settings()


@as_root
def test_a_file_that_a_shared_group_may_write_is_refused(file: Path) -> None:
    os.chown(file, 0, SOMEBODY)
    file.chmod(0o664)
    with pytest.raises(UntrustedSettingsFile, match="others can write"):
        load_settings()


def test_a_file_that_only_the_owners_own_group_may_write_is_obeyed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "_is_private_group", lambda _group, _user: True)
    file.chmod(0o664)
    file.parent.chmod(0o775)
    assert load_settings().model == "from/file"


def test_a_file_in_a_folder_that_all_may_write_is_refused_unless_only_owners_can_replace_files(
    file: Path,
) -> None:
    file.parent.chmod(0o777)
    with pytest.raises(UntrustedSettingsFile, match="others can replace it in the folder"):
        load_settings()
    file.parent.chmod(0o1777)
    assert load_settings().model == "from/file"


def test_a_file_that_cannot_be_read_as_text_is_named(file: Path) -> None:
    file.write_bytes(b'model = "\xff"')
    with pytest.raises(InvalidSetting, match="UTF-8"):
        load_settings()


def test_check_reports_a_refused_file_and_goes_on_without_it(file: Path) -> None:
    file.chmod(0o666)
    settings, wrong = salvage_settings()
    assert settings.model is None
    assert [type(error) for error in wrong] == [UntrustedSettingsFile]


@as_root
def test_a_home_that_nobody_named_and_that_belongs_to_somebody_else_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".qwenq").mkdir(mode=0o777)
    os.chown(".qwenq", SOMEBODY, SOMEBODY)
    with pytest.raises(UntrustedHome, match=r"\.qwenq is refused: it belongs to nobody"):
        load_settings()
    monkeypatch.setenv("QWENQ_HOME", ".qwenq")
    assert load_settings().home == Path(".qwenq")


@as_root
def test_a_home_that_is_a_link_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    Path(".qwenq").symlink_to(tmp_path / "elsewhere")
    os.lchown(".qwenq", SOMEBODY, SOMEBODY)
    with pytest.raises(UntrustedHome, match="belongs to nobody"):
        load_settings()


def test_a_home_that_nobody_named_and_that_all_may_write_is_refused() -> None:
    Path(".qwenq").mkdir()
    Path(".qwenq").chmod(0o777)
    with pytest.raises(UntrustedHome, match=r"others can write to it \(`chmod 700 \.qwenq`"):
        load_settings()


def test_a_foreign_home_that_is_not_used_does_not_matter() -> None:
    Path(".qwenq").mkdir()
    Path(".qwenq").chmod(0o777)
    load_settings(database_url="postgresql://x/y", broker_url="redis://x/0")
