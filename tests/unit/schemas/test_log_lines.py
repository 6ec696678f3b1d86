"""Log lines: one for each event, machine-readable, without document text whatever was raised."""

import json
import logging

import pytest

from qwenq.schemas.errors import PromptFailed, StoreAway
from qwenq.schemas.log.events import Event
from qwenq.schemas.log.lines import LogFormat, LogLines, exception_line

SECRET = "what the document says"


def record(message: object, *, name: str = "qwenq.store", **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": name, "msg": message, "levelno": 20, "levelname": "INFO", **extra})
    made.created = 0.0015
    return made


def raised(error: Exception) -> Exception:
    try:
        raise error  # noqa: TRY301
    except Exception as caught:  # noqa: BLE001
        return caught


def test_a_json_log_line_is_one_object_with_its_facts() -> None:
    line = json.loads(LogLines("json").format(record(Event.CHUNK_CLAIMED, job=1, chunk=2, attempt=3)))
    assert line.pop("pid")
    assert line == {
        "time": "1970-01-01T00:00:00.001Z", "level": "info", "event": "chunk.claimed",
        "logger": "qwenq.store", "job": 1, "chunk": 2, "attempt": 3,
    }  # fmt: skip


def test_a_text_log_line_is_readable() -> None:
    line = LogLines("text").format(
        record(Event.WORKER_FAILED, worker=4, reason="no such\nfolder", speed=1.23456)
    )
    assert line == (
        '1970-01-01T00:00:00.001Z info [qwenq.store] worker.failed worker=4 reason="no such\\nfolder" speed=1.235'
    )


def test_a_log_line_of_another_library_has_only_its_message() -> None:
    line = json.loads(LogLines("json").format(record("two\nlines", name="celery.app", data={"args": SECRET})))
    assert (line["message"], "data" in line) == ("two\nlines", False)


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("error", [RuntimeError(SECRET), KeyError(SECRET), PromptFailed(SECRET)])
def test_an_exception_that_may_quote_a_document_is_logged_without_its_message(
    log_format: LogFormat, error: Exception
) -> None:
    error = raised(error)
    exc_info = (type(error), error, error.__traceback__)
    line = LogLines(log_format).format(record(Event.ENGINE_BROKE, exc_info=exc_info))
    assert SECRET not in line
    assert "\n" not in line
    assert type(error).__name__ in line
    assert error.__traceback__ is not None
    assert f"tests/unit/schemas/test_log_lines.py:{error.__traceback__.tb_lineno} raised" in line


def test_an_exception_of_the_machine_is_logged_with_message_and_cause() -> None:
    away = StoreAway("sqlite:///x", "the disk is full", "Free space")
    away.__cause__ = raised(ValueError(SECRET))
    line = exception_line(raised(away))
    assert "the disk is full" in line
    assert "from ValueError at " in line
    assert SECRET not in line


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_in_a_message_is_removed_if_the_exception_is_logged(log_format: LogFormat) -> None:
    error = raised(OSError("refused"))
    exc_info = (type(error), error, error.__traceback__)
    line = LogLines(log_format).format(record("no luck\n['  File a']", name="celery.beat", exc_info=exc_info))
    assert "no luck" in line
    assert "OSError: refused" in line
    assert "File a" not in line


def test_a_text_log_record_is_one_line() -> None:
    line = LogLines("text").format(record("two\nlines, one\r\nforged", name="celery.app"))
    assert line == "1970-01-01T00:00:00.001Z info [celery.app] two lines, one forged"
