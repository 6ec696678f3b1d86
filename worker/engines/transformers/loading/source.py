"""Where a model comes from: a folder or the hub. The checks import no torch."""

from pathlib import Path

from qwenq.schemas.errors import ModelUnavailable
from qwenq.worker.engines.hub_name import HubName

WANTED = "Give --model (or QWENQ_MODEL) a hub id or a folder that holds config.json, a tokenizer and weights"
NO_FOLDER = f"there is no such folder. {WANTED}"
NO_CONFIG = f"the folder holds no config.json. {WANTED}"
NO_TOKENIZER = f"there is no tokenizer (tokenizer.json). {WANTED}"
NO_WEIGHTS = f"there are no weights (model.safetensors). {WANTED}"
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

TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "tokenizer.model")
WEIGHTS = ("*.safetensors", "*.bin")


def check_source(model: str) -> None:
    """Raise ModelUnavailable unless `model` is a model's folder or a hub id."""
    folder = Path(model)
    if folder.is_dir():
        _check_folder(model, folder)
    elif folder.exists():
        raise ModelUnavailable(model=model, reason=NOT_A_FOLDER)
    elif not HubName.of(model).is_valid:
        is_repository = HubName(HubName.of(model).repository).is_valid
        raise ModelUnavailable(model=model, reason=NO_REVISION if is_repository else NO_FOLDER)


def _check_folder(model: str, folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(model=model, reason=NO_CONFIG)
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise ModelUnavailable(model=model, reason=NO_TOKENIZER)
    if not any(found for pattern in WEIGHTS for found in folder.glob(pattern)):
        raise ModelUnavailable(model=model, reason=NO_WEIGHTS)
