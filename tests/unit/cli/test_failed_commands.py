"""A command that fails shows one line and ends with its exit code."""

import sys

import click
import pytest

from qwenq import cli
from qwenq.cli import group
from tests.commands import process_kept


def fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> int:
    @click.command()
    def broken() -> None:
        raise error

    monkeypatch.setattr(group, "group", broken)
    monkeypatch.setattr(sys, "argv", ["qwenq"])
    with process_kept(), pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), RuntimeError("odd\nmore"), KeyError()]
)
def test_an_unforeseen_error_is_one_line_and_exit_code_70(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(monkeypatch, error) == 70
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"qwenq: internal error: {type(error).__name__}")
    assert "QWENQ_LOG_LEVEL=debug" in line


def test_an_unforeseen_error_shows_its_places_and_no_text_of_documents_with_debug_logging(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QWENQ_LOG_LEVEL", "DEBUG")
    assert fail(monkeypatch, RuntimeError("a line of a document")) == 70
    said = capsys.readouterr().err
    assert "RuntimeError at tests/unit/cli/test_failed_commands.py" in said
    assert "document" not in said


def test_an_unknown_command_is_answered_with_similar_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["qwenq", "stats"])
    with process_kept(), pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "status" in capsys.readouterr().err
