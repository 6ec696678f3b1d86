"""A model that cannot be loaded takes a short line of the log."""

import logging

from celery.exceptions import Reject

from qwenq.schemas.log.lines import LogLines
from qwenq.worker.log_set_up import leave_places_of_rejects_out


def _line(error: Exception) -> str:
    error.__cause__ = OSError("far below")
    caught = (type(error), error, error.__traceback__)
    record = logging.LogRecord("celery", logging.WARNING, "", 0, f"rejected: {error}", (), caught)
    assert leave_places_of_rejects_out(record)
    return LogLines("text").format(record)


def test_a_message_that_was_put_back_is_logged_without_places() -> None:
    assert _line(Reject("no model", requeue=True)).endswith("warning [celery] rejected: ('no model', True)")


def test_any_other_error_is_logged_with_its_places() -> None:
    assert "from OSError: far below" in _line(RuntimeError("odd"))
