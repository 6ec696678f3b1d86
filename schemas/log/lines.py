"""The format of a service's log: one line for each event, as text or JSON. It never contains document text."""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from qwenq.schemas.errors import DocumentFailed, QwenqError
from qwenq.schemas.log.events import Event
from qwenq.schemas.log.visible import visible_json, visible_line

LogFormat = Literal["text", "json"]

MOST_FRAMES = 20
_ROOT = Path(__file__).parents[3]
_OF_EVERY_RECORD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
# Exceptions of these packages speak of machines. The message of any other may quote a document.
_SAFE_PACKAGES = {"torch", "redis", "kombu", "celery", "amqp", "sqlalchemy"}
_DEBUGGED = ("qwenq", "celery", "kombu", "flower", "tornado", "alembic")
"""Their lines hold no text of documents at any level."""
_WARNINGS = "py.warnings"
_WARNING = re.compile(r".*?:\d+: \w+")
_BARE = frozenset(":/@.,_-+*()[]")


class LogLines(logging.Formatter):
    """Formats each record as one line. From other libraries' records it takes only the message."""

    def __init__(self, log_format: LogFormat) -> None:
        super().__init__()
        self._line = _json_line if log_format == "json" else _text_line

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line."""
        return self._line(_facts_of(record))


def set_up_logging(log_format: LogFormat, level: str) -> None:
    """Log to standard error, Python's warnings too; replaces any earlier setup."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogLines(log_format))
    root = logging.getLogger()
    root.handlers = [handler]
    is_debug = level.upper() == "DEBUG"
    # At level debug, libraries for SQL, HTTP and object stores log rows and requests, which hold documents.
    root.setLevel("INFO" if is_debug else level.upper())
    for name in _DEBUGGED:
        logging.getLogger(name).setLevel(logging.DEBUG if is_debug else logging.NOTSET)
    if not is_debug:
        # It lists its plugins each time.
        logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    # It warns of each broken form, which is refused anyway: a client could fill the log.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)


def is_logging() -> bool:
    """Whether this process logs to standard error, as services do; a person's command does not."""
    return any(isinstance(handler.formatter, LogLines) for handler in logging.getLogger().handlers)


def exception_line(error: BaseException) -> str:
    """An exception in one line: its type, its message if that is safe, and its places, the innermost first."""
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    places = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    what = exception_words(error)
    lines = [f"{what} at {' < '.join(places)}" if places else what]
    if (cause := error.__cause__) is not None:
        lines.append(f"from {exception_line(cause)}")
    return " ".join(" ".join(lines).split())


def exception_words(error: BaseException) -> str:
    """An exception's type, and its message unless it may quote a document."""
    said = str(error).strip() if _is_safe(error) else ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _facts_of(record: logging.LogRecord) -> dict[str, Any]:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    said = record.getMessage()
    if record.exc_info:
        # Celery adds a traceback to its message; the exception gives its places below.
        said = said.partition("\n")[0]
    if record.name == _WARNINGS:
        # The text of a warning may quote a cell or a line; its place and kind do not.
        said = said.partition("\n")[0] if (kind := _WARNING.match(said)) is None else kind[0]
    facts: dict[str, Any] = {
        "time": moment.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "event" if isinstance(record.msg, Event) else "message": said,
        "logger": record.name,
        "pid": record.process,
    }
    if record.name.startswith("qwenq."):
        facts |= {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
    if record.exc_info and record.exc_info[1] is not None:
        facts["exception"] = exception_line(record.exc_info[1])
    return facts


def _json_line(facts: dict[str, Any]) -> str:
    return visible_json(json.dumps(facts, default=str, ensure_ascii=False))


def _text_line(facts: dict[str, Any]) -> str:
    head = [facts.pop(name) for name in ("time", "level")]
    said = " ".join((facts.pop("event", None) or facts.pop("message")).split())
    rest = [f"{name}={_shown(value)}" for name, value in facts.items() if name not in {"logger", "pid"}]
    return visible_line(" ".join([*head, f"[{facts['logger']}]", said, *rest]))


def _shown(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    if text and all(char.isalnum() or char in _BARE for char in text):
        return text
    return json.dumps(text, ensure_ascii=False)


def _is_safe(error: BaseException) -> bool:
    if isinstance(error, QwenqError):
        return not isinstance(error, DocumentFailed)
    return (
        isinstance(error, (OSError, MemoryError))
        or type(error).__module__.partition(".")[0] in _SAFE_PACKAGES
    )


def _short(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else filename
