"""`/v1/models`: the models that some worker has or had."""

from datetime import datetime

from fastapi import APIRouter

from qwenq.server.callers import Reader, Served
from qwenq.server.documented import refusals
from qwenq.server.objects import Model, Models
from qwenq.server.refusals import Refused
from qwenq.server.service import Service
from qwenq.server.shapes import model_object
from qwenq.store.api_batches.batches import served_models

router = APIRouter(prefix="/v1/models", tags=["models"], responses=refusals())


@router.get("")
def index(service: Served, _caller: Reader) -> Models:
    """List models."""
    return Models(data=[model_object(*model) for model in _models(service).items()])


@router.get("/{model:path}", responses=refusals(404))
def retrieve(model: str, service: Served, _caller: Reader) -> Model:
    """Retrieve a model. Its id may hold slashes."""
    models = _models(service)
    if model not in models:
        message = f"The model '{model[:200]}' does not exist or you do not have access to it."
        raise Refused(404, message, param="model", code="model_not_found")
    return model_object(model, models[model])


def _models(service: Service) -> dict[str, datetime | None]:
    with service.store.reading() as connection:
        models: dict[str, datetime | None] = dict(served_models(connection))
    if service.settings.model:
        models.setdefault(service.settings.model, None)
    return models
