"""What keeps work moving without a special process: stranded chunks are put back, silent ones announced again."""

from collections import Counter

from qwenq.schemas.chunks import Notice, RescueReport
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.life import chunks, rescue

PUBLISH_GRACE_SECONDS = 5.0
"""How long `submit` itself may take to announce what it stored, before others do it."""
PUBLISH_AT_ONCE = 500


def reconcile(store: Store, broker: Broker, settings: Settings) -> RescueReport:
    """Rescue chunks with a lost worker, and announce what waits unannounced. Raises StoreAway, BrokerAway."""
    with store.writing() as connection:
        report = rescue.rescue_expired(connection, settings.max_crashes)
    announce(store, broker, _silent(store, broker, settings))
    return report


def announce_job(store: Store, broker: Broker, job_id: int) -> None:
    """Announce a job's chunks that wait and were not announced yet. Raises StoreAway, BrokerAway."""
    with store.reading() as connection:
        notices = chunks.unpublished_chunks(connection, job_id)
    announce(store, broker, notices)


def announce(store: Store, broker: Broker, notices: list[Notice]) -> None:
    """Publish, then note it: a crash in between only means that some messages are sent twice."""
    for start in range(0, len(notices), PUBLISH_AT_ONCE):
        some = notices[start : start + PUBLISH_AT_ONCE]
        broker.publish(some)
        with store.writing() as connection:
            chunks.mark_published(connection, [notice.chunk_id for notice in some])


def _silent(store: Store, broker: Broker, settings: Settings) -> list[Notice]:
    """Chunks that nobody announced, and, where a queue holds fewer messages than were sent, the oldest ones."""
    with store.reading() as connection:
        silent = chunks.never_published(connection, PUBLISH_GRACE_SECONDS)
        aged = chunks.published_before(connection, settings.lease_seconds)
        waiting = chunks.count_waiting(connection) if aged else {}
        unannounced = Counter(notice.model for notice in chunks.never_published(connection, 0.0))
    for model in {notice.model for notice in aged}:
        missing = waiting[model] - unannounced[model] - broker.depth(model)
        silent += [notice for notice in aged if notice.model == model][: max(0, missing)]
    return silent
