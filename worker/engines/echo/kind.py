"""Checks for the engine without a model: there is nothing to check."""

from qwenq.schemas.requests import EngineHooks
from qwenq.schemas.settings import Settings
from qwenq.worker.engines.echo.engine import EchoEngine
from qwenq.worker.engines.kind import ModelSource
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.protocol import Engine


class EchoKind:
    """Makes echo engines. They use no device and no weights."""

    def check_model(self, model: str, settings: Settings) -> None:
        """Accept everything."""

    def find_model(self, _model: str) -> ModelSource:
        """Return BUILT_IN: no files are needed."""
        return ModelSource.BUILT_IN

    def check_available(self, _model: str) -> None:
        """Accept everything."""

    def try_device(self, _settings: Settings) -> str | None:
        """Accept every device."""
        return None

    def check_quantize(self, model: str | None, settings: Settings) -> None:
        """Accept every setting."""

    def make(self, _model: str, settings: Settings, hooks: EngineHooks) -> Engine:
        """Make the engine."""
        return EchoEngine(EngineOptions.of(settings), hooks)
