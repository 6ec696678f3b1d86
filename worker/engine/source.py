"""Where a model comes from: a folder or the hub. What cannot be either is told without importing torch."""

import re
from pathlib import Path

from schemas.errors import ModelUnavailable

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "tokenizer.model")
WEIGHTS = ("*.safetensors", "*.bin")


def check_source(model: str) -> None:
    """Raise ModelUnavailable for what is neither a model's folder nor a hub id."""
    folder = Path(model)
    if folder.is_dir():
        _check_folder(model, folder)
    elif folder.exists():
        raise ModelUnavailable(model=model, reason="it is a file, not a folder")
    elif not HUB_ID.fullmatch(model) or model.startswith("."):
        raise ModelUnavailable(model=model, reason="there is no such folder")


def _check_folder(model: str, folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(model=model, reason="the folder holds no config.json")
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise ModelUnavailable(model=model, reason="there is no tokenizer (tokenizer.json)")
    if not any(found for pattern in WEIGHTS for found in folder.glob(pattern)):
        raise ModelUnavailable(model=model, reason="there are no weights (model.safetensors)")
