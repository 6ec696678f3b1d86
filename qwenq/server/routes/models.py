"""`/v1/models`: the models that some worker has or had."""

from datetime import datetime

from fastapi import APIRouter

from qwenq.server.callers import Reader, Served
from qwenq.server.documented import refusals
from qwenq.server.known_models import known_models, no_such_model
from qwenq.server.objects import Model, Models
from qwenq.server.service import Service
from qwenq.server.shapes import model_object

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
        raise no_such_model(model)
    return model_object(model, models[model])


def _models(service: Service) -> dict[str, datetime | None]:
    with service.store.reading() as connection:
        return known_models(connection, service.settings)
