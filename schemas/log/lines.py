"""How the log of a service looks: a line an event, for people or as JSON. Nothing of a document is ever in it."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from qwenq.schemas.errors import DocumentFailed, QwenqError
from qwenq.schemas.log.events import Event

LogFormat = Literal["text", "json"]

MOST_FRAMES = 20
_ROOT = Path(__file__).parents[3]
_OF_EVERY_RECORD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
# Whose messages tell of machines. That of any other exception may quote what was being worked on.
_SAFE_PACKAGES = {"torch", "redis", "kombu", "celery", "amqp", "sqlalchemy"}
_BARE = frozenset(":/@.,_-+*()[]")


class LogLines(logging.Formatter):
    """Formats records; each line stands alone. Of other libraries' records only the message is told."""

    def __init__(self, log_format: LogFormat) -> None:
        super().__init__()
        self._line = _json_line if log_format == "json" else _text_line

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return self._line(_told(record))


def set_up_logging(log_format: LogFormat, level: str) -> None:
    """Let this process log to standard error, whatever was set up before; warnings of Python go there too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogLines(log_format))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    if root.level > logging.DEBUG:
        # It lists its own parts each time.
        logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def told_exception(error: BaseException) -> str:
    """An exception in one line: what, and where, the innermost place first; its message only where that is safe."""
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    places = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    told = f"{type(error).__name__}: {error}" if _is_safe(error) else type(error).__name__
    lines = [f"{told} at {' < '.join(places)}" if places else told]
    if (cause := error.__cause__) is not None:
        lines.append(f"from {told_exception(cause)}")
    return " ".join(" ".join(lines).split())


def _told(record: logging.LogRecord) -> dict[str, Any]:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    said = record.getMessage()
    if record.exc_info:
        # Celery puts stacks of its own behind what it says; the exception tells its places below.
        said = said.partition("\n")[0]
    told: dict[str, Any] = {
        "time": moment.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "event" if isinstance(record.msg, Event) else "message": said,
        "logger": record.name,
        "pid": record.process,
    }
    if record.name.startswith("qwenq."):
        told |= {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
    if record.exc_info and record.exc_info[1] is not None:
        told["exception"] = told_exception(record.exc_info[1])
    return told


def _json_line(told: dict[str, Any]) -> str:
    return json.dumps(told, default=str, ensure_ascii=False)


def _text_line(told: dict[str, Any]) -> str:
    head = [told.pop(name) for name in ("time", "level")]
    said = " ".join((told.pop("event", None) or told.pop("message")).split())
    facts = [f"{name}={_shown(value)}" for name, value in told.items() if name not in {"logger", "pid"}]
    return " ".join([*head, f"[{told['logger']}]", said, *facts])


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
