"""What qwenq keeps is private; what a person asked for follows their umask, or the file that it replaces."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenq.exporting.destinations import LocalFile
from qwenq.schemas.machine import umask
from qwenq.schemas.machine.umask import keep_private


@pytest.fixture
def private(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that keeps things private, started with the umask of the parameter."""
    before = os.umask(request.param)
    monkeypatch.delenv(umask._VARIABLE, raising=False)
    try:
        keep_private()
        yield
    finally:
        os.umask(before)
        os.environ.pop(umask._VARIABLE, None)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def write(path: Path) -> None:
    with LocalFile(path).writing() as output:
        output.write(b"text")


@pytest.mark.parametrize(
    ("private", "file", "folder"),
    [(0o022, 0o644, 0o755), (0o002, 0o664, 0o775), (0o077, 0o600, 0o700)],
    indirect=["private"],
)
@pytest.mark.usefixtures("private")
def test_an_output_and_its_folders_follow_the_persons_umask(tmp_path: Path, file: int, folder: int) -> None:
    output = tmp_path / "new" / "deep" / "answers.jsonl"
    write(output)
    assert (mode_of(output), mode_of(output.parent), mode_of(output.parent.parent)) == (file, folder, folder)


@pytest.mark.parametrize("private", [0o022], indirect=True)
@pytest.mark.usefixtures("private")
def test_everything_else_is_for_this_user_alone(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    (tmp_path / "folder").mkdir()
    assert (mode_of(tmp_path / "log"), mode_of(tmp_path / "folder")) == (0o600, 0o700)


@pytest.mark.parametrize("private", [0o022], indirect=True)
@pytest.mark.usefixtures("private")
def test_the_file_written_aside_is_no_more_open_than_the_final_one(tmp_path: Path) -> None:
    output = tmp_path / "answers.jsonl"
    output.touch(mode=0o600)
    with LocalFile(output).writing() as _:
        (aside,) = tmp_path.glob(".answers.jsonl.*.part")
        assert mode_of(aside) == 0o600
    assert mode_of(output) == 0o600


def test_an_output_that_is_replaced_keeps_its_mode_from_python_too(tmp_path: Path) -> None:
    output = tmp_path / "answers.jsonl"
    output.touch()
    output.chmod(0o640)
    write(output)
    assert mode_of(output) == 0o640
