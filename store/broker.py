"""The broker: the Celery application, and the messages that tell workers of waiting chunks.

A message is a hint, the SQL store is the truth: messages carry a chunk's id and nothing else, and none is
needed for correctness. The settings were tried on Celery 5.7; ARCHITECTURE.md gives each one's reason.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from celery import Celery
from kombu.exceptions import KombuError, OperationalError
from redis.exceptions import RedisError

from schemas.chunks import Notice
from schemas.errors import BrokerAway, InvalidSetting
from schemas.jobs import Priority
from schemas.settings import Settings

ANSWER_CHUNK = "qwenq.answer_chunk"
RECONCILE = "qwenq.reconcile"
OPS_QUEUE = "qwenq.ops"
SOCKET_FILE = "redis.sock"
LONGEST_SOCKET_PATH = 100
VISIBILITY_SECONDS = 1800
TASK_LIMIT_SECONDS = 1500
CONNECT_SECONDS = 3

_HUB_ID = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?")
_TAKEN = {OPS_QUEUE.removeprefix("qwenq.")}

# Redis: 0 goes first; Celery's Redis transport knows the steps 0, 3, 6 and 9.
_PRIORITIES = {Priority.HIGH: 0, Priority.NORMAL: 3, Priority.LOW: 6}


def broker_url(settings: Settings) -> str:
    """The broker's address: as set, else the embedded Redis of the home folder."""
    return settings.broker_url or f"redis+socket://{socket_path(settings)}"


def socket_path(settings: Settings) -> str:
    """Where the embedded Redis listens. A socket's path may have about 100 characters, a home folder more."""
    path = str((settings.home / SOCKET_FILE).absolute())
    if len(path) <= LONGEST_SOCKET_PATH:
        return path
    return f"/tmp/qwenq-{hashlib.sha256(path.encode()).hexdigest()[:16]}.sock"  # noqa: S108


def queue_name(model: str) -> str:
    """The queue of a model: one a model, so that a worker is only told of what it can answer."""
    if _HUB_ID.fullmatch(model) and "--" not in model and model not in _TAKEN:
        return f"qwenq.{model.replace('/', '--')}"
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", model.strip("/").replace("/", "--"))
    return f"qwenq.{plain[-80:]}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"


def make_app(settings: Settings) -> Celery:
    """The Celery application of this process."""
    app = Celery("qwenq", broker=broker_url(settings), set_as_current=True)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_time_limit=TASK_LIMIT_SECONDS,
        task_send_sent_event=True,
        task_create_missing_queues=True,
        task_default_queue=OPS_QUEUE,
        worker_pool="prefork",
        worker_pool_start_method="spawn",
        worker_concurrency=1,
        worker_prefetch_multiplier=1,
        worker_proc_alive_timeout=600,
        worker_send_task_events=True,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            "unacked_restore_throttle": 1,
            "socket_timeout": 30,
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_keepalive": True,
            "health_check_interval": 25,
            # A producer must not wait long for a broker that is away: what it stored is announced later.
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.2,
        },
    )
    return app


class Broker:
    """The broker as producers and rescuers use it."""

    def __init__(self, settings: Settings) -> None:
        self.app = make_app(settings)
        self.url = _without_password(broker_url(settings))

    def publish(self, notices: Sequence[Notice]) -> None:
        """Announce chunks. Raises BrokerAway."""
        with self._answering(), self.app.producer_or_acquire() as producer:
            for notice in notices:
                self.app.send_task(
                    ANSWER_CHUNK,
                    args=(notice.chunk_id,),
                    argsrepr=f"(chunk {notice.chunk_id})",
                    queue=queue_name(notice.model),
                    priority=_PRIORITIES[Priority(notice.priority)],
                    producer=producer,
                    retry=False,
                )

    def depth(self, model: str) -> int:
        """How many messages wait in a model's queue. Raises BrokerAway."""
        with self._answering(), self.app.connection_for_write() as connection:
            channel: Any = connection.default_channel
            declared = channel.queue_declare(queue=queue_name(model), durable=True)
            return int(declared.message_count)

    def ping(self) -> None:
        """Raise BrokerAway unless the broker answers."""
        with self._answering(), self.app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=CONNECT_SECONDS)
            channel: Any = connection.default_channel
            channel.client.ping()

    def close(self) -> None:
        """Let the connections go."""
        self.app.close()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (KombuError, OperationalError, RedisError, OSError) as error:
            reason = str(error).rstrip(".") or type(error).__name__
            raise BrokerAway(url=self.url, reason=reason) from error
        except (ValueError, KeyError) as error:
            raise InvalidSetting(name="QWENQ_BROKER_URL", reason=str(error)) from error


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{parts.netloc.rpartition('@')[2]}"))
