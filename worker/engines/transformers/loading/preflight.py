"""Whether the device that is set is here, found out by a process of its own: this one stays without torch."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from qwenq.schemas.settings import Dtype, Settings

ALWAYS_HERE = ("auto", "cpu")


def check_device(settings: Settings) -> None:
    """Raise InvalidSetting for a device that is not here, or that cannot compute in the number format."""
    if settings.device in ALWAYS_HERE:
        return
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        process.submit(_try, settings.device, settings.dtype).result()


def _try(device: str, dtype: Dtype) -> None:
    from qwenq.worker.engines.transformers.loading.device import try_device

    try_device(device, dtype)
