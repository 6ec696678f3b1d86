"""What an engine can check before its model is loaded, without importing heavy libraries."""

from enum import StrEnum
from typing import Protocol

from qwenq.schemas.requests import EngineHooks
from qwenq.schemas.settings import Settings
from qwenq.worker.engines.protocol import Engine


class ModelSource(StrEnum):
    """Where a model comes from."""

    BUILT_IN = "built in"
    FOLDER = "folder"
    HUB = "hub"


class EngineKind(Protocol):
    """Checks models and settings for one engine, and makes the engine."""

    def check_model(self, model: str, settings: Settings) -> None:
        """Check quickly that the model can be loaded.

        Raises ModelUnavailable for the model, InvalidSetting for device, dtype and quantize.
        """
        ...

    def find_model(self, model: str) -> ModelSource:
        """Say where the model comes from. Raises ModelUnavailable if the name or the folder is not a model."""
        ...

    def check_available(self, model: str) -> None:
        """Ask whether the model can be had here, which takes up to some seconds.

        Raises ModelUnavailable if it is known that it cannot.
        """
        ...

    def try_device(self, settings: Settings) -> str | None:
        """Say why device and number format would be slow; None if they would not.

        Takes seconds. Raises InvalidSetting if they cannot be used here, EngineBroken if the engine cannot start here.
        """
        ...

    def check_quantize(self, model: str | None, settings: Settings) -> None:
        """Raise InvalidSetting if weights, or those of `model`, cannot be quantized as set."""
        ...

    def make(self, model: str, settings: Settings, hooks: EngineHooks) -> Engine:
        """Make the engine. It loads nothing yet."""
        ...
