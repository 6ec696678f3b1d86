"""What a person gets to see of a command that fails: one line, and an exit code."""

import sys
from pathlib import Path

import click
import pytest

from qwenq import cli
from qwenq.actions.request import JobRequest
from qwenq.cli import group
from qwenq.schemas.errors import UnreadableInput
from qwenq.schemas.settings import Settings


def fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> int:
    @click.command()
    def broken() -> None:
        raise error

    monkeypatch.setattr(group, "group", broken)
    monkeypatch.setattr(sys, "argv", ["qwenq"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), RuntimeError("odd\nmore"), KeyError()]
)
def test_an_unforeseen_error_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(monkeypatch, error) == 70
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"qwenq: internal error: {type(error).__name__}")
    assert "QWENQ_LOG_LEVEL=debug" in line


def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QWENQ_LOG_LEVEL", "DEBUG")
    assert fail(monkeypatch, RuntimeError("odd")) == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_command_that_is_not_known_is_answered_with_those_like_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["qwenq", "stats"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "status" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "no such file"), (".", "is a directory"), ("latin1", "not valid UTF-8 (byte 2)")],
)
def test_a_prompt_file_that_cannot_be_read_is_named_once(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "latin1").write_bytes(b"a\xe9b")
    request = JobRequest(files=["x.jsonl"], prompt_file=tmp_path / name)
    with pytest.raises(UnreadableInput) as error:
        request.specify(Settings(model="echo"))
    assert reason in str(error.value)
    assert "Errno" not in str(error.value)
    assert str(error.value).count(str(tmp_path)) == 1
