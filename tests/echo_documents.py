"""Long documents by the measure of the echo engine, whose tokens are words."""

from qwenq.schemas.requests import EngineHooks
from qwenq.store.database.store import Store
from qwenq.worker.engines.echo.engine import EchoEngine
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.long_documents.gauge import Gauge
from qwenq.worker.long_documents.stage import LongDocuments
from qwenq.worker.reuse.stage import Reuse

CONTEXT = 512


def echo_engine(context: int = CONTEXT) -> EchoEngine:
    """An echo engine that nobody listens to."""
    return EchoEngine(EngineOptions(context=context), EngineHooks(lambda: None, lambda _: None))


def echo_documents(store: Store, keeper: Keeper, reuse: Reuse, context: int = CONTEXT) -> LongDocuments:
    """The long documents of a turn with an echo engine."""
    return LongDocuments(store, Gauge(echo_engine(context), context), keeper, reuse)
