"""Engines that note what they do, in place of qwenq's own.

For workers that the harness starts: a process that finds `install` called in its `sitecustomize` has them.
"""

from qwenq.schemas.requests import EngineHooks
from qwenq.schemas.settings import Settings
from qwenq.worker.engines import factory
from qwenq.worker.engines.echo import kind
from qwenq.worker.engines.echo.engine import ECHO_MODEL, EchoEngine
from qwenq.worker.engines.protocol import Engine
from tests.chaos.engines.noting import NotingEngine

_make_engine = factory.make_engine


def install() -> None:
    """Make them the engines of this process."""
    setattr(kind, EchoEngine.__name__, NotingEngine)
    setattr(factory, _make_engine.__name__, _make_noting)


def _make_noting(model: str, settings: Settings, hooks: EngineHooks) -> Engine:
    engine = _make_engine(model, settings, hooks)
    if model != ECHO_MODEL:
        # Imported here: every process of qwenq runs this module, and only this one needs PyTorch.
        from tests.chaos.engines.noting_scheduler import install_scheduler

        install_scheduler()
    return engine
