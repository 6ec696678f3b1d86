"""The broker's page: every queue of every model, with what waits in it and beside it."""

from dataclasses import dataclass

from sqlalchemy import Connection

from qwenq.monitor.pages.page import Page
from qwenq.schemas.errors import StoreAway
from qwenq.store.broker.broker import queue_name
from qwenq.store.broker.task_messages import OPS_QUEUE
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, count_alive_by_model
from qwenq.store.views.jobs.statuses import models_of_jobs
from qwenq.store.views.work.announcements import count_waiting


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue: its model, the chunks that wait in the store, the live workers. That of housekeeping has no model."""

    name: str
    model: str | None
    chunks: int | None
    workers: int | None


_HOUSEKEEPING = QueueView(OPS_QUEUE, None, None, None)


class BrokerPage(Page):
    """GET /broker."""

    async def get(self) -> None:
        """Show the broker and its queues."""
        queues, trouble = [_HOUSEKEEPING], None
        try:
            queues = await self.application.reader.read(find_queues)
        except StoreAway as away:  # The broker is worth a look even then.
            trouble = str(away)
        self.show(
            "broker",
            queues=queues,
            depths=self.application.broker_watch.depths(queue.name for queue in queues),
            broker_url=self.application.broker_uri,
            store_trouble=trouble,
        )


def find_queues(connection: Connection) -> list[QueueView]:
    """The queues of all models that jobs or live workers have, and that of housekeeping."""
    waiting = count_waiting(connection)
    alive = count_alive_by_model(connection, ALIVE_SECONDS)
    models = sorted({*models_of_jobs(connection), *alive})
    found = [QueueView(queue_name(one), one, waiting.get(one, 0), alive.get(one, 0)) for one in models]
    return [*found, _HOUSEKEEPING]
