"""The owner's token: kept for one user, and drawn anew if others could read it."""

import re
import stat
from pathlib import Path

import pytest

from qwenq.access.owner_token import FILE, keep_address, kept_address, owner_token, page_address
from qwenq.schemas.errors import InvalidSetting, NoFlowerAddress


def test_a_token_is_drawn_once_and_kept_for_its_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    token = owner_token(home)
    assert re.fullmatch(r"[\w-]{43}", token)
    assert owner_token(home) == token
    assert stat.S_IMODE((home / FILE).stat().st_mode) == 0o600
    assert [file.name for file in home.iterdir()] == [FILE]
    assert owner_token(tmp_path / "other") != token


def test_the_kept_address_is_that_of_the_flower_that_started_last(tmp_path: Path) -> None:
    token = owner_token(tmp_path)
    keep_address(tmp_path, "http://127.0.0.1:5600/flower/jobs", token)
    assert kept_address(tmp_path) == page_address("http://127.0.0.1:5600/flower/jobs", token)
    assert owner_token(tmp_path) == token


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_token_that_others_could_read_is_replaced(tmp_path: Path, mode: int) -> None:
    token = owner_token(tmp_path)
    (tmp_path / FILE).chmod(mode)
    assert owner_token(tmp_path) != token
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_planted_link_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    target = tmp_path / "theirs"
    target.write_text("http://127.0.0.1:5555/jobs?token=" + "a" * 43)
    target.chmod(0o600)
    home = tmp_path / "home"
    home.mkdir()
    (home / FILE).symlink_to(target)
    assert owner_token(home) != "a" * 43
    assert not (home / FILE).is_symlink()
    assert target.read_text().endswith("a" * 43)


@pytest.mark.parametrize("text", ["", "http://127.0.0.1/jobs", "http://127.0.0.1/jobs?token=short"])
def test_a_damaged_file_is_replaced(tmp_path: Path, text: str) -> None:
    owner_token(tmp_path)
    (tmp_path / FILE).write_text(text)
    assert len(owner_token(tmp_path)) == 43


def test_a_home_without_a_token_has_no_address(tmp_path: Path) -> None:
    with pytest.raises(NoFlowerAddress, match="qwenq flower"):
        kept_address(tmp_path)


def test_a_token_that_cannot_be_kept_is_reported_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(InvalidSetting, match="cannot be written"):
        owner_token(tmp_path)
