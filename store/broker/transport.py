"""Kombu's Redis transport, with a check of everything that comes from Redis before Celery sees it.

Who may write to Redis can then make workers look into the store, and nothing worse. Nothing in Redis needs to be true:

- Messages, questions and events that are not ours are dropped.
- Delivered messages are not kept in Redis (kombu's `unacked`). The store knows what waits, and is reconciled.
- Queues are found by their names, not by tables in Redis (kombu's `_kombu.binding.*`).
- A key of ours that has the wrong type is removed.
"""

from collections.abc import Callable, Iterable
from json import dumps
from queue import Empty
from typing import Any

from celery.app.amqp import AMQP
from kombu.connection import Connection, ConnectionPool, PooledConnection
from kombu.transport import redis, virtual
from redis.exceptions import ResponseError

from qwenq.store.broker.control_messages import MOST_A_SECOND as MOST_QUESTIONS_A_SECOND
from qwenq.store.broker.control_messages import REPLY_EXCHANGE, Rate, check_question, check_reply
from qwenq.store.broker.event_messages import Names, check_events
from qwenq.store.broker.refusals import REFUSALS, Refusal
from qwenq.store.broker.task_messages import check_task_message

EVENTS, QUESTIONS = "celeryev", "celery.pidbox"
OUR_QUEUES = "qwenq."
# The stubs of kombu know little of this transport.
_Channel: Any = redis.Channel
_QoS: Any = virtual.QoS

REPLY_MILLISECONDS = 60_000
"""How long a reply stays in Redis when nobody takes it."""


class Deliveries(_QoS):  # type: ignore[misc]
    """Delivered messages that are not acknowledged, in this process's memory only."""

    def restore_unacked(self) -> list[Any]:
        """Put all back into their queues. What cannot be put back is announced again by a reconciler."""
        super().restore_unacked()
        return []


class CheckedChannel(_Channel):  # type: ignore[misc]
    """A channel that delivers checked messages only."""

    QoS = Deliveries

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._questions = Rate(MOST_QUESTIONS_A_SECOND)
        self._names = Names()

    # What comes in

    def _brpop_read(self, **options: Any) -> bool:
        """Deliver one message, after BRPOP has answered. Raises Empty without one."""
        try:
            found = self._answer_of_brpop(options)
            if not found:
                raise Empty
            key, raw = found
            queue, priority = self._queue_of(key)
            self._queue_cycle.rotate(queue)
            message = self._checked(queue, priority, raw)
            if message is None:
                raise Empty
            self.connection._deliver(message, queue)  # noqa: SLF001 - kombu's own way
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()

    def _answer_of_brpop(self, options: dict[str, Any]) -> Any:
        try:
            return self.client.parse_response(self.client.connection, "BRPOP", **options)
        except self.connection_errors:
            self.client.connection.disconnect()
            raise
        except ResponseError as error:
            self._remove_wrong_types(error, self.active_queues)
            return None

    def _get(self, queue: str) -> dict[str, Any]:
        """Take one message without waiting. Raises Empty."""
        with self.conn_or_acquire() as client:
            for key in self._keys_of([queue]):
                while (raw := client.rpop(key)) is not None:
                    message = self._checked(*self._queue_of(key), raw)
                    if message is not None:
                        return message
        raise Empty

    def _receive_one(self, c: Any) -> bool | None:
        """Deliver one question or message of events that was published."""
        try:
            response = c.parse_response()
        except self.connection_errors:
            self._in_listen = None
            raise
        if not isinstance(response, list | tuple):
            return None
        published = self._handle_message(c, response)
        raw = published["data"]
        if not _text(published["type"]).endswith("message") or not isinstance(raw, bytes) or not raw:
            return None
        exchange = _text(published["channel"]).removeprefix(self.keyprefix_fanout).split("/", 1)[0]
        queue = self._fanout_to_queue.get(exchange)
        if queue is None:
            return None
        if exchange == EVENTS:
            message = _passed(exchange, raw, lambda: check_events(raw, queue, self._names))
        elif exchange == QUESTIONS:
            message = _passed(exchange, raw, lambda: check_question(raw, queue, self._questions))
        else:
            return None
        if message is None:
            return None
        self.connection._deliver(message, queue)  # noqa: SLF001
        return True

    def _checked(self, queue: str, priority: int, raw: bytes) -> dict[str, Any] | None:
        ARRIVALS.note()
        if queue.endswith(f".{REPLY_EXCHANGE}"):
            return _passed(queue, raw, lambda: check_reply(raw, queue))
        return _passed(queue, raw, lambda: check_task_message(raw, queue, priority))

    # What goes out, and back

    def _put(self, queue: str, message: dict[str, Any], **given: Any) -> None:
        key = self._q_for_pri(queue, self._get_message_priority(message, reverse=False))
        batch = given.get("_publish_batch")
        if batch is not None:
            batch.add("lpush", key, dumps(message))
            return
        with self.conn_or_acquire() as client:
            try:
                client.lpush(key, dumps(message))
            except ResponseError as error:
                self._remove_wrong_types(error, [queue])
                client.lpush(key, dumps(message))
            if queue.endswith(f".{REPLY_EXCHANGE}"):
                client.pexpire(key, REPLY_MILLISECONDS)

    def _restore(self, message: Any, leftmost: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's
        """Put a delivered message back: to the end of its queue if `leftmost`, else to its front."""
        queue = message.delivery_info["routing_key"]
        key = self._q_for_pri(queue, self._get_message_priority(message._raw, reverse=False))  # noqa: SLF001
        with self.conn_or_acquire() as client:
            (client.lpush if leftmost else client.rpush)(key, dumps(message._raw))  # noqa: SLF001

    def _size(self, queue: str) -> int:
        if not queue.startswith(OUR_QUEUES):  # what is published has no list, and nobody asks for replies
            return 0
        with self.conn_or_acquire() as client:
            try:
                return sum(client.llen(key) for key in self._keys_of([queue]))
            except ResponseError as error:
                self._remove_wrong_types(error, [queue])
                return sum(client.llen(key) for key in self._keys_of([queue]))

    # Where things are

    def _lookup(self, exchange: str, routing_key: str, default: str | None = None) -> list[str]:
        """The queue of a direct exchange: replies have one for each asker, all others have their exchange's name."""
        del default
        return [f"{routing_key}.{exchange}" if exchange == REPLY_EXCHANGE else routing_key]

    def get_table(self, exchange: str) -> list[tuple[str, str, str]]:
        """No table: see _lookup."""
        del exchange
        return []

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        del pattern
        if self.typeof(exchange).type == "fanout":
            self._fanout_queues[queue] = (exchange, routing_key.replace("#", "*"))

    def _delete(self, queue: str, *_given: Any, **_named: Any) -> None:
        self.auto_delete_queues.discard(queue)
        if queue not in self._fanout_queues:
            with self.conn_or_acquire() as client:
                client.delete(*self._keys_of([queue]))

    def maybe_refresh_binding_expiry(self) -> None:
        """Do nothing: there are no tables in Redis."""

    def _keys_of(self, queues: Iterable[str]) -> list[str]:
        return [self._q_for_pri(queue, priority) for priority in self.priority_steps for queue in queues]

    def _queue_of(self, key: bytes | str) -> tuple[str, int]:
        """The queue of a list in Redis, and the priority of its messages."""
        queue, _, priority = _text(key).partition(self.sep)
        return queue, int(priority or 0)

    def _remove_wrong_types(self, error: ResponseError, queues: Iterable[str]) -> None:
        """Remove keys of these queues that are no lists; anything else raises the error again."""
        if not str(error).startswith("WRONGTYPE"):
            raise error
        with self.conn_or_acquire() as client:
            for key in self._keys_of(queues):
                found = _text(client.type(key))
                if found not in {"list", "none"}:
                    client.delete(key)
                    REFUSALS.note(key, f"the key of a queue held a {found}; it was removed", "")


class CheckedTransport(redis.Transport):
    """Kombu's Redis transport with checked channels."""

    Channel = CheckedChannel


class CheckedConnection(Connection):
    """A connection whose transport is the checked one. Its pools are not those of a plain connection."""

    def get_transport_cls(self) -> Any:
        """The class of the transport."""
        found = super().get_transport_cls()
        return CheckedTransport if found is redis.Transport else found

    def Pool(self, limit: int | None = None, **_: Any) -> "CheckedPool":  # noqa: N802 - kombu's name
        """A pool of checked connections."""
        return CheckedPool(self, limit)

    def __eqhash__(self) -> Any:
        return (CheckedConnection, super().__eqhash__())


class PooledCheckedConnection(PooledConnection, CheckedConnection):  # type: ignore[misc]  # stubs of __enter__ differ
    """A checked connection of a pool."""


class CheckedPool(ConnectionPool):
    """A pool of checked connections."""

    def new(self) -> PooledCheckedConnection:
        """Make a connection; kombu's pools make plain ones."""
        return PooledCheckedConnection(self, **dict(self.connection._info(resolve=False)))  # noqa: SLF001


class CheckedAMQP(AMQP):
    """Celery's connections, checked."""

    Connection = BrokerConnection = CheckedConnection


class Arrivals:
    """Counts what came from queues into this process, refused messages too."""

    def __init__(self) -> None:
        self.count = 0

    def note(self) -> None:
        """Count one."""
        self.count += 1


ARRIVALS = Arrivals()


def _passed(place: str, raw: bytes, check: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """What the check makes of a message; None if it is refused."""
    try:
        return check()
    except Refusal as refusal:
        REFUSALS.note(place, str(refusal), raw)
    except Exception as error:  # noqa: BLE001 - no message may end the process, not even by a fault of a check
        REFUSALS.note(place, f"its check failed: {type(error).__name__}", raw)
    return None


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
