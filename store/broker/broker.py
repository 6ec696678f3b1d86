"""The broker: the Celery application, and the messages that announce chunks to workers.

A message is a hint, the SQL store is the truth: messages carry a chunk's id and nothing else, and correctness
needs none of them. The settings were tried on Celery 5.7; docs/internals/celery.md gives each one's reason.
"""

import hashlib
import importlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from celery import Celery
from celery.loaders.app import AppLoader
from kombu import Producer
from kombu.exceptions import KombuError, OperationalError
from redis.exceptions import AuthenticationError, OutOfMemoryError, RedisError

from qwenq.schemas.chunks import Announcement
from qwenq.schemas.errors import BrokerAway, InvalidSetting, reason_of
from qwenq.schemas.jobs import Priority
from qwenq.schemas.log.addresses import without_passwords
from qwenq.schemas.settings import Settings
from qwenq.store.broker.task_messages import ANSWER_CHUNK, OPS_QUEUE

SOCKET_FILE = "redis.sock"
LONGEST_SOCKET_PATH = 100
"""In bytes; the kernel takes a few more."""
TASK_LIMIT_SECONDS = 21_600
CONNECT_SECONDS = 3
CHECKED_AMQP = "qwenq.store.broker.transport:CheckedAMQP"
"""Named, not imported: a command without a broker need not load kombu's transport."""

_OUT_OF_MEMORY = "it is out of memory (OOM)"
_MORE_MEMORY = "Raise its maxmemory, or see what else fills it"
_CREDENTIALS = "Correct the user or the password in QWENQ_BROKER_URL"
_REMEDIES = {
    "MISCONF": "Free disk space on its machine: it cannot write its file, and takes no messages until it can",
    "READONLY": "It is a read-only replica: name its master in QWENQ_BROKER_URL",
    "LOADING": "It reads its file after a start: wait until it is ready",
    "NOPERM": "Give its user in QWENQ_BROKER_URL the rights that deploy/redis/users.acl lists",
}
"""What helps, by the word with which Redis refuses."""
_HUB_ID = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?")
_SCHEMES = {"redis", "rediss", "redis+socket"}
_TAKEN = {OPS_QUEUE.removeprefix("qwenq.")}

# Redis: 0 goes first; Celery's Redis transport knows the steps 0, 3, 6 and 9.
_PRIORITIES = {Priority.HIGH: 0, Priority.NORMAL: 3, Priority.LOW: 6}


def broker_url(settings: Settings) -> str:
    """The broker's address: the setting, else the embedded Redis of the home folder."""
    return settings.broker_url or f"redis+socket://{quote(socket_path(settings))}"


def socket_path(settings: Settings) -> str:
    """The socket of the embedded Redis: in the home folder if possible, else in a private folder.

    A socket's path has a limit of about 100 bytes. Flower does not decode a URL's path, so the path must need no
    quoting. Raises InvalidSetting.
    """
    path = str((settings.home / SOCKET_FILE).absolute())
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and quote(os.fsencode(path)) == path:
        return path
    # Resolve links: every command must find the same socket.
    home = hashlib.sha256(os.fsencode(os.path.realpath(settings.home))).hexdigest()[:16]
    return str(_sockets_folder() / f"{home}.sock")


def _sockets_folder() -> Path:
    """Make a folder that only this user can enter. Another user may have made something of its name before."""
    # Not TMPDIR or XDG_RUNTIME_DIR: a cron job has neither, and must find the socket too.
    folder = Path(f"/tmp/qwenq-{os.getuid()}")  # noqa: S108
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise InvalidSetting(name="QWENQ_HOME", reason=_no_socket(f"{folder}: {reason_of(error)}")) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise InvalidSetting(name="QWENQ_HOME", reason=_no_socket(f"{folder} is not this user's alone"))
    return folder


def _no_socket(reason: str) -> str:
    return f"its path is too long or too unusual for a socket, and there is no other place for one: {reason}"


def queue_name(model: str) -> str:
    """The queue of a model. Each has its own, so that workers receive only what they can answer."""
    if _HUB_ID.fullmatch(model) and "--" not in model and model not in _TAKEN:
        return f"qwenq.{model.replace('/', '--')}"
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", model.strip("/").replace("/", "--"))
    return f"qwenq.{plain[-80:]}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"


class InstalledLoader(AppLoader):
    """Imports task modules as Python does; Celery would look in the working folder first."""

    def import_from_cwd(self, module: str, imp: object = None, package: str | None = None) -> ModuleType:
        """Import an installed module."""
        del imp
        return importlib.import_module(module, package)


def make_app(settings: Settings) -> Celery:
    """The Celery application of this process. Raises InvalidSetting."""
    url = broker_url(settings)
    _check_url(url)
    # No fixups: one puts the working folder into the module path for Django, when DJANGO_SETTINGS_MODULE is set.
    app = Celery(
        "qwenq", broker=url, set_as_current=True, loader=InstalledLoader, fixups=[], amqp=CHECKED_AMQP
    )
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
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
        broker_pool_limit=0,
        broker_transport_options={
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
    """The broker for producers and rescuers; as a context manager, it closes its connections at the end."""

    def __init__(self, settings: Settings) -> None:
        self.app = make_app(settings)
        self.url = without_passwords(broker_url(settings))

    def announce(self, announcements: Sequence[Announcement], over: Producer | None = None) -> None:
        """Announce chunks, over a new connection unless an open one is given. Raises BrokerAway."""
        with self.answering(), self.app.producer_or_acquire(over) as producer:
            for one in announcements:
                self.app.send_task(
                    ANSWER_CHUNK,
                    args=(one.chunk_id,),
                    argsrepr=f"(chunk {one.chunk_id})",
                    queue=queue_name(one.model),
                    priority=_PRIORITIES[Priority(one.priority)],
                    producer=producer,
                    retry=False,
                )

    def depth(self, model: str) -> int:
        """Count the messages in a model's queue. Raises BrokerAway."""
        return self.depths([queue_name(model)])[queue_name(model)]

    def depths(self, queues: Iterable[str]) -> dict[str, int]:
        """Count the messages in each of these queues. Raises BrokerAway."""
        with self.answering(), self.app.connection_for_write() as connection:
            channel: Any = connection.default_channel
            return {
                queue: int(channel.queue_declare(queue=queue, durable=True).message_count) for queue in queues
            }

    def ping(self) -> None:
        """Raise BrokerAway unless the broker answers."""
        with self.answering(), self.app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=CONNECT_SECONDS)
            channel: Any = connection.default_channel
            channel.client.ping()

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Open a client of the Redis itself. Raises BrokerAway."""
        with self.answering(), self.app.connection_for_write() as connection:
            channel: Any = connection.default_channel
            yield channel.client

    def close(self) -> None:
        """Close all connections."""
        self.app.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Raise what the broker or the way to it raises as BrokerAway, InvalidSetting."""
        try:
            yield
        except (KombuError, OperationalError, RedisError, OSError) as error:
            if isinstance(error, OutOfMemoryError) or isinstance(error.__cause__, OutOfMemoryError):
                raise BrokerAway(self.url, _OUT_OF_MEMORY, _MORE_MEMORY) from error
            reason = str(error).rstrip(".") or type(error).__name__
            if isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError):
                raise BrokerAway(self.url, reason, _CREDENTIALS) from error
            for word, remedy in _REMEDIES.items():
                if word in reason:
                    raise BrokerAway(self.url, reason, remedy) from error
            raise BrokerAway(self.url, reason) from error
        except (ValueError, KeyError) as error:
            raise InvalidSetting(name="QWENQ_BROKER_URL", reason=str(error)) from error


def _check_url(url: str) -> None:
    """Raise InvalidSetting unless it is a Redis URL; Celery would assume RabbitMQ, or fail much later."""
    # Celery accepts several URLs, and uses the first broker that answers.
    if not all(_is_redis(one) for one in url.split(";")):
        reason = "it is not the URL of a Redis: redis://host:6379/0; in a password write / ? # @ as %2F %3F %23 %40"
        raise InvalidSetting(name="QWENQ_BROKER_URL", reason=reason)


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme not in _SCHEMES or "://" not in url:
        return False
    if "@" in parts.query + parts.fragment:
        return False  # a password with ? or #, whose beginning would be taken for a host
    return parts.scheme == "redis+socket" or re.fullmatch(r"/?\d*", parts.path) is not None
