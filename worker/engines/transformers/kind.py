"""Checks for the engine over Transformers. This process imports neither torch nor Transformers for them."""

from pathlib import Path

from qwenq.schemas.requests import EngineHooks
from qwenq.schemas.settings import Settings
from qwenq.worker.engines.kind import ModelSource
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.protocol import Engine
from qwenq.worker.engines.transformers.loading.quantization import (
    check_quantize,
    check_whole,
    own_quantization_of_folder,
)
from qwenq.worker.engines.transformers.loading.source import check_source

ALWAYS_HERE = ("auto", "cpu")


class TransformersKind:
    """Checks models for Transformers, and makes the engine."""

    def check_model(self, model: str, settings: Settings) -> None:
        """Check name, folder, quantization, and a device that is not on every machine."""
        self.find_model(model)
        self.check_quantize(model, settings)
        if settings.device not in ALWAYS_HERE:
            self.try_device(settings)

    def find_model(self, model: str) -> ModelSource:
        """Look at the name and at the folder's files. Raises ModelUnavailable."""
        check_source(model)
        return ModelSource.FOLDER if Path(model).is_dir() else ModelSource.HUB

    def check_available(self, model: str) -> None:
        """Look into the cache, and ask the hub. Raises ModelUnavailable."""
        from qwenq.worker.engines.transformers.loading.availability import check_available

        check_source(model)
        check_available(model)

    def try_device(self, settings: Settings) -> str | None:
        """Load the libraries and try the device, in a child process. Raises InvalidSetting, EngineBroken."""
        from qwenq.worker.engines.transformers.loading.trial import try_engine

        return try_engine(settings.device, settings.dtype)

    def check_quantize(self, model: str | None, settings: Settings) -> None:
        """Look for bitsandbytes, and at the folder's configuration. Raises InvalidSetting."""
        check_quantize(settings.quantize, settings.device)
        if model is not None:
            check_whole(model, settings.quantize, own_quantization_of_folder(model))

    def make(self, model: str, settings: Settings, hooks: EngineHooks) -> Engine:
        """Make the engine. Torch and Transformers are imported now."""
        from qwenq.worker.engines.transformers.engine import TransformersEngine

        return TransformersEngine(model, EngineOptions.of(settings), hooks)
