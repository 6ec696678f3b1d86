"""The parts of one run: servers, links, workers, producers, and the folder with their logs."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.database.version import upgrade_store
from qwenq.worker.engines.echo.engine import ECHO_MODEL
from tests.chaos.audit.history import keep_history
from tests.chaos.engines.log import LOG_FILE, ROWS
from tests.chaos.plan import WORKERS
from tests.chaos.world.crew import Crew
from tests.chaos.world.orders import OrderBook
from tests.chaos.world.producers import Producers
from tests.chaos.world.proxy import Link, Network
from tests.chaos.world.servers import PostgresServer, RedisServer
from tests.chaos.world.tiny_model import Question
from tests.processes import ONE_THREAD

ROOT = Path(__file__).parents[3]
LEASE_SECONDS = 2.0
STALL_SECONDS = 5.0
CHUNK_DOCUMENTS = 20


@dataclass(frozen=True)
class World:
    """The parts of one run. Each worker has links of its own to Redis and PostgreSQL; SQLite needs none.

    `models` are those that there are workers of.
    """

    folder: Path
    settings: Settings
    store: Store
    broker: Broker
    redis: RedisServer
    postgres: PostgresServer | None
    redis_links: tuple[Link, ...]
    store_links: tuple[Link, ...]
    crew: Crew
    producers: Producers
    orders: OrderBook
    engine_log: Path
    models: frozenset[str]


@contextmanager
def made_world(
    folder: Path, database: str, seed: int, documents_an_order: int, questions: Sequence[Question] = ()
) -> Iterator[World]:
    """Start everything but the workers. `documents_an_order` is the average size of a job.

    With questions for the tiny model there is a fourth worker, which has that one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    models = [ECHO_MODEL] * WORKERS + [question.model for question in questions[:1]]
    with ExitStack() as stack:
        postgres = PostgresServer() if database == "postgresql" else None
        if postgres is not None:
            stack.callback(postgres.close)
        url = postgres.url if postgres is not None else f"sqlite:///{folder / 'store.db'}"
        settings = Settings(
            home=folder / "home",
            database_url=url,
            model=ECHO_MODEL,
            batch_rows=ROWS,
            lease_seconds=LEASE_SECONDS,
            stop_seconds=5,
            stall_seconds=STALL_SECONDS,
            chunk_documents=CHUNK_DOCUMENTS,
        )
        redis = RedisServer(settings)
        stack.callback(redis.close)
        network = stack.enter_context(Network())
        redis_links = tuple(network.link(redis.socket) for _ in models)
        store_links = tuple(network.link(postgres.socket) for _ in models) if postgres else ()
        store, broker = Store(url), Broker(settings)
        stack.callback(broker.close)
        stack.callback(store.close)
        upgrade_store(store)
        keep_history(store)
        engine_log = folder / "engine.log"
        crew = Crew(
            [
                _settings_of(settings, place, model, redis_links, store_links)
                for place, model in enumerate(models)
            ],
            folder / "logs",
            _noting(folder, engine_log),
        )
        stack.callback(crew.stop)
        environment = {**os.environ, **ONE_THREAD, **environment_of(settings)}
        producers = Producers(store, environment, folder / "logs" / "producers.log")
        orders = OrderBook(seed, documents_an_order, questions)
        yield World(
            folder, settings, store, broker, redis, postgres, redis_links, store_links, crew, producers, orders,
            engine_log, frozenset(models),
        )  # fmt: skip


def _settings_of(
    settings: Settings, place: int, model: str, redis_links: tuple[Link, ...], store_links: tuple[Link, ...]
) -> Settings:
    """The settings of one worker, with its own links."""
    broker = f"redis://127.0.0.1:{redis_links[place].port}/0"
    changes: dict[str, object] = {"model": model, "broker_url": broker}
    if store_links:
        changes["database_url"] = f"postgresql://postgres@127.0.0.1:{store_links[place].port}/postgres"
    return settings.model_copy(update=changes)


def _noting(folder: Path, engine_log: Path) -> dict[str, str]:
    """The environment that gives a process the noting engines."""
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("from tests.chaos.engines.install import install\n\ninstall()\n")
    return {"PYTHONPATH": f"{site}:{ROOT}", LOG_FILE: str(engine_log)}
