"""State changes in the store are logged once, after their transaction is committed."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from qwenq.schemas.log.deeds import acting
from qwenq.schemas.log.events import Event

Transition = tuple[Event, Mapping[str, Any]]

_NOTED = "qwenq_transitions"
_LEVELS = {
    Event.WORKER_FAILED: logging.ERROR,
    Event.CHUNK_POISONED: logging.ERROR,
    Event.CHUNK_HALVED: logging.WARNING,
    Event.CHUNK_RESCUED: logging.WARNING,
}

_log = logging.getLogger("qwenq.store")


def begin_noting(connection: Connection) -> Iterable[Transition]:
    """Begin a transaction's list of transitions and return it. An earlier transaction's list is dropped."""
    noted: list[Transition] = []
    connection.info[_NOTED] = noted
    return noted


def note_transition(connection: Connection, event: Event, **ids: Any) -> None:
    """Note a transition, to be logged after the commit. Pass ids and counts, never a text."""
    noted = connection.info.get(_NOTED)
    if noted is not None:
        noted.append((event, ids))


def log_transitions(noted: Iterable[Transition]) -> None:
    """Log committed transitions, with the visitor of Flower who caused them as `by`."""
    by = {"by": name} if (name := acting()) else {}
    for event, ids in noted:
        _log.log(_LEVELS.get(event, logging.INFO), event, extra={**ids, **by})
