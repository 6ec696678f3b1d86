"""Turns of a worker in this process, with an echo engine's tokens and in a quick rhythm."""

from typing import Any

from qwenq.schemas.chunks import Assignment
from qwenq.schemas.requests import EngineHooks, ModelInfo
from qwenq.schemas.settings import Settings
from qwenq.schemas.workers import LoadedWeights
from qwenq.store.database.store import Store
from qwenq.worker.engines.echo.engine import EchoEngine
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.keeping.pace import Pace
from qwenq.worker.keeping.rhythm import Rhythm
from qwenq.worker.keeping.stalling import StallWatch
from qwenq.worker.turn.claimant import Claimant
from qwenq.worker.turn.turn import Turn
from tests.builders import MODEL
from tests.store_work import InThisProcess

INFO = ModelInfo(
    MODEL, "none", "none", context=512, parameters=0, load_seconds=0.0, weights=LoadedWeights("r1")
)
NEVER = float("inf")


def quick(**rhythm: Any) -> Rhythm:
    """A rhythm for tests: nothing is waited for long, and nothing claimed ahead."""
    return Rhythm(**{"tick_seconds": 0.02, "look_again_seconds": 0.05, "ahead_seconds": 0.0, **rhythm})


def measured_pace(documents: int, seconds: float = 1.0, size: int = 100) -> Pace:
    """A pace at which a worker answered so many documents of so many characters, measured just now."""
    moment = [0.0]
    pace = Pace(lambda: moment[0])
    for _ in range(documents):
        pace.count(size)
    moment[0] = seconds
    pace.seconds_for(1, size)
    return pace


def keeper_of(
    store: Store,
    settings: Settings,
    rhythm: Rhythm | None = None,
    model: ModelInfo = INFO,
    deadline: float = NEVER,
    pace: Pace | None = None,
) -> Keeper:
    """A keeper with a ledger that holds no claim yet."""
    ledger = Ledger(StallWatch(model.device, settings.stall_seconds), rhythm or quick(), pace)
    return Keeper(ledger, InThisProcess(store), model.model, settings, deadline)


def turn_of(
    store: Store, keeper: Keeper, claimant: Claimant, first: Assignment, model: ModelInfo = INFO
) -> Turn:
    """A turn that begins with a claim; what fits is measured by an echo engine."""
    counter = EchoEngine(EngineOptions(context=model.context), EngineHooks(lambda: None, lambda _: None))
    return Turn(store, model, counter, claimant, keeper.ledger, first)
