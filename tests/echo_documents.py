"""Long documents by the measure of the echo engine, whose tokens are words."""

from schemas.requests import EngineHooks
from store.database import Store
from worker.engine.echo import EchoEngine
from worker.engine.options import EngineOptions
from worker.keeper import Keeper
from worker.long.gauge import Gauge
from worker.long.long_documents import LongDocuments
from worker.reuse import Reuse

CONTEXT = 512


def echo_engine(context: int = CONTEXT) -> EchoEngine:
    """An echo engine that nobody listens to."""
    return EchoEngine(EngineOptions(context=context), EngineHooks(lambda: None, lambda _: None))


def echo_documents(store: Store, keeper: Keeper, reuse: Reuse, context: int = CONTEXT) -> LongDocuments:
    """The long documents of a turn with an echo engine."""
    return LongDocuments(store, Gauge(echo_engine(context), context), keeper, reuse)
