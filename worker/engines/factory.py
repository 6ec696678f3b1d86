"""Which engine answers for which model."""

from qwenq.schemas.requests import EngineHooks
from qwenq.schemas.settings import Settings
from qwenq.schemas.workers import UNKNOWN_WEIGHTS, LoadedWeights
from qwenq.worker.engines.echo.engine import ECHO_MODEL
from qwenq.worker.engines.echo.kind import EchoKind
from qwenq.worker.engines.kind import EngineKind
from qwenq.worker.engines.protocol import Engine
from qwenq.worker.engines.revision import weights_of
from qwenq.worker.engines.transformers.kind import TransformersKind


def engine_kind(model: str | None) -> EngineKind:
    """Choose the engine for `model`: a hub id, a folder, or `echo`. For None, choose the default."""
    return EchoKind() if model == ECHO_MODEL else TransformersKind()


def check_model(model: str, settings: Settings) -> None:
    """Check quickly that the model can be loaded. Raises ModelUnavailable, InvalidSetting."""
    engine_kind(model).check_model(model, settings)


def check_available(model: str) -> None:
    """Ask whether the model can be had here, which takes up to some seconds. Raises ModelUnavailable."""
    engine_kind(model).check_available(model)


def try_engine(settings: Settings) -> str | None:
    """Load the engine's libraries in a child process, which takes seconds. Says why the settings would be slow.

    Raises InvalidSetting, EngineBroken.
    """
    return engine_kind(settings.model).try_device(settings)


def weights_now(model: str) -> LoadedWeights:
    """The weights that the model's name stands for on this machine now."""
    return UNKNOWN_WEIGHTS if model == ECHO_MODEL else weights_of(model)


def make_engine(model: str, settings: Settings, hooks: EngineHooks) -> Engine:
    """Make the engine for `model`. It loads nothing yet; only a real model imports torch and Transformers."""
    return engine_kind(model).make(model, settings, hooks)
