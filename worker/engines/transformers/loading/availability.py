"""Whether a model can be had, asked before anything is started: its folder, this machine's cache, the hub."""

from pathlib import Path

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from qwenq.schemas.errors import ModelUnavailable
from qwenq.worker.engines.hub_name import HubName
from qwenq.worker.engines.transformers.loading.model_errors import reason_of
from qwenq.worker.engines.transformers.loading.source import NO_MODEL, NOT_REACHED, OFFLINE

HUB_SECONDS = 5.0
CONFIG = "config.json"
_ANSWERS_NO = (RepositoryNotFoundError, RevisionNotFoundError)  # also what is private, or gated


def check_available(model: str) -> None:
    """Raise ModelUnavailable if it is known that the model cannot be had here. Takes up to some seconds.

    A hub that answers with an error of its own proves nothing.
    """
    name = HubName.of(model)
    if Path(model).is_dir() or is_cached(name):
        return
    reason = OFFLINE if constants.HF_HUB_OFFLINE else _refusal(name)
    if reason is not None:
        here = f"There is no folder {model} in {Path.cwd()} either"
        raise ModelUnavailable(model=model, reason=f"{reason}. {here}")


def is_cached(name: HubName) -> bool:
    """Whether this machine has downloaded the model before, at least in part."""
    try:
        return isinstance(try_to_load_from_cache(name.repository, CONFIG, revision=name.revision), str)
    except HFValidationError:
        return False


def _refusal(name: HubName) -> str | None:
    """Why the hub does not give the model's first file; None if it does, or if that is not known."""
    try:
        url = hf_hub_url(name.repository, CONFIG, revision=name.revision)
        get_hf_file_metadata(url, timeout=HUB_SECONDS)
    except EntryNotFoundError:
        return NO_MODEL
    except HfHubHTTPError as error:
        return reason_of(error) if isinstance(error, _ANSWERS_NO) else None
    except HFValidationError as error:
        return reason_of(error)
    except Exception:  # noqa: BLE001 - whatever the client's transport raises: no name, no route, no certificate
        return NOT_REACHED
    return None
