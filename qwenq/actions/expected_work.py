"""What a job that is not stored yet would take, by what the model's newest measured job took."""

from qwenq.schemas.errors import NoStoreHere, ServiceAway
from qwenq.schemas.settings import Settings
from qwenq.schemas.views.measured_speed import MeasuredSpeed
from qwenq.store.database.opening import open_made_store
from qwenq.store.views.jobs.measured_speed import measured_speed


def speed_of(settings: Settings, model: str) -> MeasuredSpeed | None:
    """The speed of the model's newest measured job; None if the store is away, knows none, or does not exist yet."""
    try:
        with open_made_store(settings) as store, store.reading() as connection:
            return measured_speed(connection, model)
    except (NoStoreHere, ServiceAway):
        return None
