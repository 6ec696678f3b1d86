"""At level debug, no logger that may hold rows or requests logs more; warnings give their place only."""

import logging
from collections.abc import Iterator

import pytest

from qwenq.schemas.log.lines import LogLines, set_up_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        yield
    finally:
        set_up_logging("text", "info")
        logging.captureWarnings(capture=False)
        root.handlers = handlers
        root.setLevel(level)


def test_at_level_debug_only_loggers_without_rows_log_more() -> None:
    set_up_logging("text", "debug")
    for name in ("sqlalchemy.engine", "sqlalchemy.pool", "botocore", "urllib3", "fsspec", "anything"):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG), name
    for name in ("qwenq.worker", "celery.worker"):
        assert logging.getLogger(name).isEnabledFor(logging.DEBUG), name


def test_a_warning_is_logged_without_its_text() -> None:
    text = "/lib/reader.py:12: UserWarning: Cell A1 holds a secret\n  warn(secret)\n"
    record = logging.LogRecord("py.warnings", logging.WARNING, "", 1, "%s", (text,), None)
    line = LogLines("text").format(record)
    assert "/lib/reader.py:12: UserWarning" in line
    assert "secret" not in line
