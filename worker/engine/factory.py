"""Which engine answers for which model."""

from schemas.requests import EngineHooks
from schemas.settings import Settings
from worker.engine.echo import ECHO_MODEL, EchoEngine
from worker.engine.options import EngineOptions
from worker.engine.protocol import Engine
from worker.engine.source import check_source


def check_model(model: str) -> None:
    """Raise ModelUnavailable for what can be no model here, as far as that is seen without loading it."""
    if model != ECHO_MODEL:
        check_source(model)


def make_engine(model: str, settings: Settings, hooks: EngineHooks) -> Engine:
    """Make the engine for `model`, a hub id, a folder, or `echo`. Nothing is loaded yet.

    torch and Transformers are imported only for a real model.
    """
    options = EngineOptions.of(settings)
    if model == ECHO_MODEL:
        return EchoEngine(options, hooks)
    from worker.engine.transformers_engine import TransformersEngine

    return TransformersEngine(model, options, hooks)
