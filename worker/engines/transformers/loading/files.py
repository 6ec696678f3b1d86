"""What the files of a model's folder tell before anything is loaded: missing, damaged, or of another kind of model.

Reads a few kilobytes of each weight file, and the small files whole. Imports no torch.
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from jinja2 import TemplateSyntaxError

from qwenq.worker.engines.chat_templates import chat_environment
from qwenq.worker.engines.transformers.loading.kinds import (
    CHAT_MODEL,
    EMBEDDING,
    NO_TEMPLATE,
    reason_against,
)

CONFIG = "config.json"
TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "tokenizer.model")
WEIGHTS = ("*.safetensors", "*.bin")
WANTED = "Give --model (or QWENQ_MODEL) a hub id or a folder that holds config.json, a tokenizer and weights"
NO_CONFIG = f"the folder holds no config.json. {WANTED}"
NO_TOKENIZER = f"there is no tokenizer (tokenizer.json). {WANTED}"
NO_WEIGHTS = f"there are no weights (model.safetensors). {WANTED}"
AGAIN = "download it again, as with `hf download MODEL --local-dir FOLDER`"
_GGUF = "GGUF is llama.cpp's format: take the model's version with safetensors"

_INDEX = "model.safetensors.index.json"
_WHOLE = ("model.safetensors", "pytorch_model.bin")
_TEMPLATE = "chat_template.jinja"
_LEGACY_TEMPLATE = "chat_template.json"  # which older processors read
_MORE_TEMPLATES = "additional_chat_templates"
_SMALL = (
    CONFIG, "tokenizer.json", "tokenizer_config.json", "generation_config.json", _INDEX, _LEGACY_TEMPLATE,
)  # fmt: skip
_POINTER = b"version https://git-lfs"
_PAGES = (b"<!doctype", b"<html", b"<?xml")
_FIRST_BYTES = 64
_LONGEST_HEADER = 100_000_000
"""In bytes, as safetensors itself limits it."""


def reason_against_folder(folder: Path) -> str | None:
    """Why the model in a folder cannot be loaded, and what to do; None if its files show nothing."""
    if not (folder / CONFIG).is_file():
        return _without_config(folder)
    small: dict[str, Mapping[str, Any]] = {}
    for name in _SMALL:
        if (folder / name).is_file():
            found = _read(folder / name)
            if isinstance(found, str):
                return found
            small[name] = found
    return (
        reason_against(str(folder), small[CONFIG])
        or (EMBEDDING if (folder / "modules.json").is_file() else None)
        or _of_tokenizer(folder, small)
        or _of_weights(folder, small.get(_INDEX, {}))
    )


def _without_config(folder: Path) -> str:
    if (folder / "adapter_config.json").is_file():
        found = _read(folder / "adapter_config.json")
        base = found.get("base_model_name_or_path") if isinstance(found, Mapping) else None
        return (
            f"the folder holds a LoRA adapter alone{f' (of {base})' if base else ''}: merge it into its model with "
            "PEFT's `merge_and_unload`, save that with its tokenizer, and give --model the new folder"
        )
    if any(folder.glob("*.gguf")):
        return _GGUF
    if (folder / "model_index.json").is_file():
        return f"it is a model that makes pictures (diffusers): {CHAT_MODEL}"
    return NO_CONFIG


def reason_against_file(path: Path) -> str | None:
    """Why a file is no model, if its kind is known."""
    return _GGUF if path.suffix == ".gguf" else None


def _read(path: Path) -> Mapping[str, Any] | str:
    """The object in a JSON file, or what is wrong with the file."""
    try:
        data = path.read_bytes()
        if reason := _no_content(path.name, data[:_FIRST_BYTES]):
            return reason
        found = orjson.loads(data)
    except OSError as error:
        return f"its {path.name} cannot be read: {error.strerror}"
    except ValueError as error:
        return f"its {path.name} is damaged ({error}): {AGAIN}"
    if not isinstance(found, dict):
        return f"its {path.name} is damaged (no JSON object): {AGAIN}"
    return found


def _no_content(name: str, first: bytes) -> str | None:
    """Why a file holds something else in place of its content; None if its first bytes do not show it."""
    if first.startswith(_POINTER):
        return f"its {name} is a pointer of git LFS, without the content: run `git lfs pull` in its folder"
    if first.lstrip().lower().startswith(_PAGES):
        return f"its {name} is a web page, not the file: {AGAIN}"
    return None if first else f"its {name} is empty: {AGAIN}"


def _of_tokenizer(folder: Path, small: Mapping[str, Mapping[str, Any]]) -> str | None:
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        return NO_TOKENIZER
    if (folder / _TEMPLATE).is_file():
        return _of_template(_TEMPLATE, (folder / _TEMPLATE).read_text("utf-8", "replace"))
    for name in ("tokenizer_config.json", _LEGACY_TEMPLATE):
        if template := small.get(name, {}).get("chat_template"):
            return _of_template(name, template) if isinstance(template, str) else None
    return None if (folder / _MORE_TEMPLATES).exists() else NO_TEMPLATE


def _of_template(name: str, template: str) -> str | None:
    try:
        chat_environment().parse(template)
    except TemplateSyntaxError as error:
        return f"its chat template in {name} is not valid Jinja2 (line {error.lineno}): {error.message}"
    except RecursionError:
        return None
    return None


def _of_weights(folder: Path, index: Mapping[str, Any]) -> str | None:
    named = index.get("weight_map")
    shards = sorted({str(file) for file in named.values()}) if isinstance(named, Mapping) else []
    missing = [name for name in shards if not (folder / name).is_file()]
    if missing:
        return f"it lacks {len(missing)} of its {len(shards)} weight files, {missing[0]} first: {AGAIN}"
    if not any(found for pattern in WEIGHTS for found in folder.glob(pattern)):
        return _GGUF if any(folder.glob("*.gguf")) else NO_WEIGHTS
    # Beside them may lie files that nothing reads.
    whole = next((name for name in _WHOLE if (folder / name).is_file()), None)
    for name in shards or ([whole] if whole else []):
        try:
            if reason := _of_weight_file(folder / name):
                return reason
        except OSError as error:
            return f"its {name} cannot be read: {error.strerror}"
    return None


def _of_weight_file(path: Path) -> str | None:
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(_FIRST_BYTES)
        if reason := _no_content(path.name, first):
            return reason
        if path.suffix != ".safetensors":
            return None
        length = struct.unpack("<Q", first[:8].ljust(8, b"\xff"))[0]
        if length > min(_LONGEST_HEADER, size - 8):
            return f"its {path.name} is damaged (no header of safetensors): {AGAIN}"
        file.seek(8)
        try:
            header = orjson.loads(file.read(length))
            ends = [part["data_offsets"][1] for name, part in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            return f"its {path.name} is damaged (no header of safetensors): {AGAIN}"
    wanted = 8 + length + max(ends, default=0)
    if size != wanted:
        return f"its {path.name} has {size:,} bytes instead of {wanted:,}: {AGAIN}"
    return None
