"""Reconciling: whatever is lost between store and broker, each chunk is announced in the end."""

import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from qwenq.schemas.errors import BrokerAway
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState
from qwenq.store.broker import reconcile as reconciling
from qwenq.store.broker.broker import Broker, socket_path
from qwenq.store.broker.reconcile import announce, reconcile
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.chunks import mark_announced
from qwenq.store.views.work.announcements import unannounced_of_job
from tests.builders import (
    EXPIRED,
    MODEL,
    chunks_of,
    claim_one,
    make_job,
    make_worker,
    row,
    store_job,
    suspect,
)
from tests.integration.store.conftest import Audited, age

SECRET = "the-text-of-a-document"


@pytest.fixture
def client(settings: Settings, redis: None) -> Iterator[Redis]:
    with Redis(unix_socket_path=socket_path(settings)) as client:
        yield client


@pytest.fixture
def nobody(settings: Settings, tmp_path: Path) -> Iterator[Broker]:
    """A broker that is away."""
    with Broker(
        settings.model_copy(update={"broker_url": f"redis+socket://{tmp_path}/nobody.sock"})
    ) as broker:
        yield broker


def test_a_chunk_that_nobody_announced_is_announced_once(
    store: Store, broker: Broker, settings: Settings
) -> None:
    job_id = make_job(store, documents=10)
    age(store, job_id, 60)
    for _ in range(3):
        reconcile(store, broker, settings)
    assert broker.depth(MODEL) == 3
    assert _unannounced(store, job_id) == []


def test_a_chunk_that_was_stored_just_now_is_left_to_its_submitter(
    store: Store, broker: Broker, settings: Settings
) -> None:
    make_job(store)
    reconcile(store, broker, settings)
    assert broker.depth(MODEL) == 0


def test_messages_that_redis_lost_are_sent_again(
    store: Store, broker: Broker, settings: Settings, client: Redis
) -> None:
    job_id = make_job(store, documents=10)
    _announce(store, broker, job_id)
    age(store, job_id, 60)
    client.flushall()
    for _ in range(2):
        reconcile(store, broker, settings)
    assert broker.depth(MODEL) == 3


def test_messages_that_merely_wait_long_are_not_sent_again(
    store: Store, broker: Broker, settings: Settings
) -> None:
    job_id = make_job(store, documents=10)
    _announce(store, broker, job_id)
    age(store, job_id, 60)
    reconcile(store, broker, settings)
    assert broker.depth(MODEL) == 3


def test_only_as_many_messages_are_sent_again_as_are_missing(
    store: Store, broker: Broker, settings: Settings
) -> None:
    job_id = make_job(store, documents=40)
    first, second, *rest = chunks_of(store, job_id)
    with store.writing() as connection:
        mark_announced(connection, [first, second])
    _announce(store, broker, job_id)
    age(store, job_id, 60)
    assert broker.depth(MODEL) == len(rest)
    reconcile(store, broker, settings)
    assert broker.depth(MODEL) == 10


def test_unannounced_chunks_do_not_count_as_lost_messages(
    store: Store, broker: Broker, settings: Settings
) -> None:
    """A submitter is about to announce its chunks; the queue of the older job is complete."""
    older = make_job(store, documents=8)
    _announce(store, broker, older)
    age(store, older, 60)
    make_job(store, documents=12)
    reconcile(store, broker, settings)
    assert broker.depth(MODEL) == 2


def test_unannounced_and_lost_chunks_of_a_model_are_both_sent(
    store: Store, broker: Broker, settings: Settings, client: Redis
) -> None:
    lost, new, other = (
        make_job(store, documents=8),
        make_job(store, documents=4),
        make_job(store, model="other"),
    )
    _announce(store, broker, lost)
    client.flushall()
    for job_id in (lost, new, other):
        age(store, job_id, 60)
    for _ in range(2):
        reconcile(store, broker, settings)
    assert (broker.depth(MODEL), broker.depth("other")) == (3, 3)


def test_a_rescued_chunk_is_announced_at_once(store: Store, broker: Broker, settings: Settings) -> None:
    job_id = make_job(store, documents=4)
    age(store, job_id, 60)
    claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)
    assert reconcile(store, broker, settings).requeued == 1
    assert broker.depth(MODEL) == 1


def test_the_halves_of_a_chunk_are_announced_at_once(
    store: Store, broker: Broker, settings: Settings
) -> None:
    job_id = make_job(store, documents=4)
    age(store, job_id, 60)
    chunk_id = chunks_of(store, job_id)[0]
    suspect(store, chunk_id)
    claim_one(store, chunk_id, make_worker(store), EXPIRED)
    once = settings.model_copy(update={"max_crashes": 1})
    assert reconcile(store, broker, once).halved == 1
    assert broker.depth(MODEL) == 2


def test_a_cancelled_job_is_not_announced(store: Store, broker: Broker, settings: Settings) -> None:
    job_id = make_job(store)
    age(store, job_id, 60)
    with store.writing() as connection:
        cancel_job(connection, job_id)
    reconcile(store, broker, settings)
    assert broker.depth(MODEL) == 0


def test_nothing_is_lost_while_the_broker_is_away(
    store: Store, broker: Broker, nobody: Broker, settings: Settings, audited: Audited
) -> None:
    job_id = make_job(store, documents=8)
    age(store, job_id, 60)
    claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)
    with pytest.raises(BrokerAway):
        reconcile(store, nobody, settings)
    assert (
        chunks_of(store, job_id, ChunkState.QUEUED) == _unannounced(store, job_id) == chunks_of(store, job_id)
    )
    audited(job_id)
    reconcile(store, broker, settings)
    assert broker.depth(MODEL) == 2


def test_a_broker_that_goes_away_half_way_leaves_the_rest_unannounced(
    store: Store, broker: Broker, settings: Settings, monkeypatch: pytest.MonkeyPatch, redis: None
) -> None:
    monkeypatch.setattr(reconciling, "ANNOUNCE_AT_ONCE", 2)
    job_id = make_job(store, documents=20)
    with store.reading() as connection:
        notices = unannounced_of_job(connection, job_id)
    broken = [*notices[:3], type(notices[3])(notices[3].chunk_id, MODEL, "no priority"), *notices[4:]]
    with pytest.raises(Exception, match="no priority"):
        announce(store, broker, broken)
    assert _unannounced(store, job_id) == chunks_of(store, job_id)[2:]


def test_no_text_of_a_document_reaches_redis(
    store: Store, broker: Broker, settings: Settings, client: Redis
) -> None:
    job_id = store_job(store, [row(0, f"id-{SECRET}", f'{{"text": "{SECRET}"}}')])
    age(store, job_id, 60)
    reconcile(store, broker, settings)
    assert broker.depth(MODEL) == 1
    dumped = _dump(client)
    assert b"qwenq.answer_chunk" in dumped
    assert SECRET.encode() not in dumped


def _dump(client: Redis) -> bytes:
    """Everything that Redis holds, message bodies decoded as well."""
    values: list[Any] = []
    for key in client.keys("*"):
        kind = client.type(key)
        values.append(key)
        if kind == b"list":
            values += client.lrange(key, 0, -1)
        elif kind == b"hash":
            values += [part for pair in client.hgetall(key).items() for part in pair]
        else:
            assert kind in (b"set", b"zset"), kind
            values += client.smembers(key) if kind == b"set" else client.zrange(key, 0, -1)
    bodies = [b64decode(body) for value in values for body in re.findall(rb'"body": "([^"]*)"', value)]
    return b"\n".join([*values, *bodies])


def _announce(store: Store, broker: Broker, job_id: int) -> None:
    with store.reading() as connection:
        notices = unannounced_of_job(connection, job_id)
    announce(store, broker, notices)


def _unannounced(store: Store, job_id: int) -> list[int]:
    with store.reading() as connection:
        return [notice.chunk_id for notice in unannounced_of_job(connection, job_id)]
