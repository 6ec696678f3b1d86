"""Where a model comes from: a folder or the hub. The checks import no torch."""

from pathlib import Path

from qwenq.schemas.errors import ModelUnavailable
from qwenq.worker.engines.hub_name import HubName
from qwenq.worker.engines.transformers.loading.files import (
    WANTED,
    reason_against_file,
    reason_against_folder,
)

NO_FOLDER = f"there is no such folder. {WANTED}"
NOT_A_FOLDER = f"it is a file, not a folder. {WANTED}"
NO_REVISION = "after the @ comes a commit (all 40 digits), a branch or a tag of the hub model"
NOT_REACHED = (
    "the hub cannot be reached, and the model is not in this machine's cache. Behind a proxy set HTTPS_PROXY, for a "
    "mirror HF_ENDPOINT; or download it elsewhere with `hf download MODEL --local-dir FOLDER`, and give --model FOLDER"
)
OFFLINE = (
    "the hub is not asked (HF_HUB_OFFLINE), and the model is not in this machine's cache. Unset HF_HUB_OFFLINE, or "
    "download it elsewhere with `hf download MODEL --local-dir FOLDER`, and give --model FOLDER"
)
NO_MODEL = f"what the hub has under this name holds no config.json. {WANTED}"
NOT_ON_HUB = f"there is neither a folder nor a public hub model of this name. {WANTED}"


def check_source(model: str) -> None:
    """Raise ModelUnavailable unless `model` is a hub id, or a folder whose files show a model that can be loaded."""
    folder = Path(model)
    if folder.is_dir():
        reason = reason_against_folder(folder)
    elif folder.exists():
        reason = reason_against_file(folder) or NOT_A_FOLDER
    elif not HubName.of(model).is_valid:
        is_repository = HubName(HubName.of(model).repository).is_valid
        reason = NO_REVISION if is_repository else NO_FOLDER
    else:
        reason = None
    if reason is not None:
        raise ModelUnavailable(model=model, reason=reason)
