"""The models that can be asked: those that some worker has or had, and the service's own."""

from datetime import datetime

from sqlalchemy import Connection

from qwenq.schemas.settings import Settings
from qwenq.server.refusals import Refused
from qwenq.store.api_batches.batches import served_models


def known_models(connection: Connection, settings: Settings) -> dict[str, datetime | None]:
    """The models by name, each with the time of its first start."""
    models: dict[str, datetime | None] = dict(served_models(connection))
    if settings.model:
        models.setdefault(settings.model, None)
    return models


def no_such_model(model: str) -> Refused:
    """The refusal of a model that nobody has."""
    message = f"The model '{model[:200]}' does not exist or you do not have access to it."
    return Refused(404, message, param="model", code="model_not_found")
