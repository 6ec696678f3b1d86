"""Reconcile store and broker: rescue expired chunks, announce again what was lost. Any process may do it."""

from collections import Counter

from qwenq.schemas.chunks import Announcement, RescueReport
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.life.chunks import mark_announced
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.views.work import announcements as waiting

ANNOUNCE_GRACE_SECONDS = 5.0
"""How long `submit` may take to announce what it stored, before others do."""
ANNOUNCE_AT_ONCE = 500


def reconcile(store: Store, broker: Broker, settings: Settings) -> RescueReport:
    """Rescue expired chunks, and announce waiting ones without a message. Raises StoreAway, BrokerAway."""
    with store.writing() as connection:
        report = rescue_expired(connection, settings.max_crashes)
    announce(store, broker, _silent(store, broker, settings))
    return report


def announce_job(store: Store, broker: Broker, job_id: int) -> None:
    """Announce a job's waiting chunks that were not announced. Raises StoreAway, BrokerAway."""
    with store.reading() as connection:
        announcements = waiting.unannounced_of_job(connection, job_id)
    announce(store, broker, announcements)


def announce(store: Store, broker: Broker, announcements: list[Announcement]) -> None:
    """Send messages, then note it: after a crash in between, some are sent twice, which is harmless."""
    for start in range(0, len(announcements), ANNOUNCE_AT_ONCE):
        some = announcements[start : start + ANNOUNCE_AT_ONCE]
        broker.announce(some)
        with store.writing() as connection:
            mark_announced(connection, [one.chunk_id for one in some])


def _silent(store: Store, broker: Broker, settings: Settings) -> list[Announcement]:
    """Chunks without an announcement; also the oldest ones where a queue holds fewer messages than chunks wait."""
    with store.reading() as connection:
        silent = waiting.never_announced(connection, ANNOUNCE_GRACE_SECONDS)
        aged = waiting.announced_before(connection, settings.lease_seconds)
        by_model = waiting.count_waiting(connection) if aged else {}
        unannounced = Counter(one.model for one in waiting.never_announced(connection, 0.0))
    for model in {one.model for one in aged}:
        missing = by_model[model] - unannounced[model] - broker.depth(model)
        silent += [one for one in aged if one.model == model][: max(0, missing)]
    return silent
