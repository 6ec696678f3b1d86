"""The small files of a model that is on this machine: in a folder, or in the hub's cache. Nothing is downloaded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from qwenq.worker.engines.hub_name import HubName

_TOKENIZER, _TOKENIZER_CONFIG, _CONFIG = "tokenizer.json", "tokenizer_config.json", "config.json"
_TEMPLATE, _LEGACY_TEMPLATE = "chat_template.jinja", "chat_template.json"
_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model's tokenizer (a file), its chat template, and the longest context in tokens."""

    tokenizer: Path
    chat_template: str
    special_tokens: Mapping[str, str]
    context: int | None

    @classmethod
    def find(cls, model: str) -> Self | None:
        """Find the files; None if the tokenizer or its chat template is not on this machine, or cannot be read."""
        try:
            tokenizer = _path(model, _TOKENIZER)
            if tokenizer is None:
                return None
            asked = _json(model, _TOKENIZER_CONFIG)
            template = _chat_template(model, asked)
            if template is None:
                return None
            config = _json(model, _CONFIG)
        except (OSError, ValueError):
            return None
        context = (config.get("text_config") or config).get("max_position_embeddings")
        return cls(tokenizer, template, _special_tokens(asked), context if type(context) is int else None)


def _path(model: str, name: str) -> Path | None:
    folder = Path(model)
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None
    hub = HubName.of(model)
    if not hub.is_valid:
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub.repository, name, revision=hub.revision)
    return Path(found) if isinstance(found, str) else None


def _json(model: str, name: str) -> dict[str, Any]:
    path = _path(model, name)
    found = json.loads(path.read_bytes()) if path else {}
    return found if isinstance(found, dict) else {}


def _chat_template(model: str, asked: Mapping[str, Any]) -> str | None:
    """The template in a file of its own, which wins, in the tokenizer's configuration, or in the processor's file."""
    path = _path(model, _TEMPLATE)
    if path is not None:
        return path.read_text("utf-8")
    found = asked.get("chat_template")
    if isinstance(found, list):
        named = {one.get("name"): one.get("template") for one in found if isinstance(one, dict)}
        found = named.get("default")
    found = found or _json(model, _LEGACY_TEMPLATE).get("chat_template")
    return found if isinstance(found, str) else None


def _special_tokens(asked: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name in _SPECIAL:
        token = asked.get(name)
        text = token.get("content") if isinstance(token, dict) else token
        if isinstance(text, str):
            found[name] = text
    return found
