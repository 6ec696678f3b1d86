"""The confined process that judges schemas: one in each process, from its first need on."""

import atexit
import logging
import threading
from functools import cache
from typing import Any

import orjson

from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.confined.process import ConfinedProcess
from qwenq.schemas.errors import ConfinedCallFailed, ConfinedProcessKilled, ConfinedProcessNotStarted
from qwenq.schemas.json_schema.fault_child import PLACE, REASON
from qwenq.schemas.json_schema.faults import fault_of, has_place

CHILD = "qwenq.schemas.json_schema.fault_child"
LIMITS = Limits(seconds=3, memory_bytes=512 * 1024**2, answer_bytes=64 * 1024)
_PLACE_SECONDS = 0.6
_WHOLE = "#"

_log = logging.getLogger("qwenq.schemas")


class FaultProcess:
    """Asks the grammar library in a child that is killed when it takes too long. Threads take turns."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._turn = threading.Lock()
        self._confined = ConfinedProcess(CHILD, limits)

    def fault_of(self, schema: dict[str, Any]) -> tuple[str, str] | None:
        """Why a schema cannot be used, and where; None if it can. A crash of the library is a fault too.

        Asks the library in this process where no child can be started, which is logged.
        """
        content = orjson.dumps(schema)
        with self._turn:
            try:
                reason = self._confined.call(REASON + content).decode(errors="replace")
            except (ConfinedProcessNotStarted, OSError) as error:
                _log.warning("a schema is checked without a process of its own: %s", error)
                reason = fault_of(schema) or ""
                return (reason, _WHOLE) if reason else None
            except (ConfinedProcessKilled, ConfinedCallFailed) as stopped:
                return f"making its grammar {stopped.reason}", _WHOLE
            if not reason:
                return None
            return reason, self._place(content) if has_place(reason) else _WHOLE

    def _place(self, content: bytes) -> str:
        """Where a fault is, as far as that is found soon: the library may crash on a part of a schema."""
        try:
            return self._confined.call(PLACE + content, seconds=_PLACE_SECONDS).decode(errors="replace")
        except (ConfinedProcessKilled, ConfinedCallFailed, OSError):
            return _WHOLE

    def close(self) -> None:
        """End the child, if there is one."""
        with self._turn:
            self._confined.close()


@cache
def fault_process() -> FaultProcess:
    """This process's own."""
    process = FaultProcess()
    atexit.register(process.close)
    return process
