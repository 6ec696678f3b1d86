"""The settings of a call, and their store."""

from typing import TYPE_CHECKING

from qwenq.schemas.settings import Settings, load_settings

if TYPE_CHECKING:
    from qwenq.store.database.store import Store


def store_of(settings: Settings | None) -> "Store":
    """Open the store. Raises StoreAway."""
    from qwenq.store.database.opening import open_made_store

    return open_made_store(settings or load_settings())


def with_model(settings: Settings | None, model: str | None) -> Settings:
    """The settings, or those of the process, with this model."""
    if settings is None:
        return load_settings(model=model)
    return settings if model is None else settings.model_copy(update={"model": model})
