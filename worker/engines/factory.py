"""Which engine answers for which model."""

from qwenq.schemas.requests import EngineHooks
from qwenq.schemas.settings import Settings
from qwenq.worker.engines.echo.engine import ECHO_MODEL, EchoEngine
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.protocol import Engine
from qwenq.worker.engines.transformers.loading.preflight import check_device
from qwenq.worker.engines.transformers.loading.quantization import (
    check_quantize,
    check_whole,
    own_quantization_of_folder,
)
from qwenq.worker.engines.transformers.loading.source import check_source


def check_model(model: str, settings: Settings) -> None:
    """Raise for what cannot be loaded here as it is set, as far as that is seen without loading it.

    ModelUnavailable for the model, InvalidSetting for device, dtype and quantize.
    """
    if model == ECHO_MODEL:
        return
    check_source(model)
    check_quantize(settings.quantize, settings.device)
    check_whole(model, settings.quantize, own_quantization_of_folder(model))
    check_device(settings)


def make_engine(model: str, settings: Settings, hooks: EngineHooks) -> Engine:
    """Make the engine for `model`, a hub id, a folder, or `echo`. Nothing is loaded yet.

    torch and Transformers are imported only for a real model.
    """
    options = EngineOptions.of(settings)
    if model == ECHO_MODEL:
        return EchoEngine(options, hooks)
    from qwenq.worker.engines.transformers.engine import TransformersEngine

    return TransformersEngine(model, options, hooks)
