"""The texts of a row that a model is asked about, wherever the row has them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_ASKED = frozenset({"messages", "input", "prompt", "instructions", "suffix"})
"""The fields of a request that hold texts."""
_WITHIN = frozenset({"extra_body", "chat_template_kwargs"})
"""The fields of a request whose own fields are laid over it."""
_NO_TEXT = frozenset({"role", "type", "id", "custom_id"})


def texts_of(row: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a row: of a request its messages and the like, else all its columns but the id."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    changed_texts(row, note)
    yield from found


def changed_texts(row: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The row with each text changed. What is no text stays as it is."""
    body = row.get("body")
    if isinstance(body, dict):
        return {**row, "body": _of_request(body, change)}
    if isinstance(row.get("messages"), list):
        return _of_request(row, change)
    return {name: _changed(name, value, change) for name, value in row.items()}


def _of_request(request: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    changed = dict(request)
    for name, value in request.items():
        if name in _ASKED:
            changed[name] = _changed(name, value, change)
        elif name in _WITHIN and isinstance(value, dict):
            changed[name] = _of_request(value, change)
    return changed


def _changed(name: str, value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return value if name in _NO_TEXT else change(value)
    if isinstance(value, list):
        return [_changed(name, one, change) for one in value]
    if isinstance(value, dict):
        return {key: _changed(key, one, change) for key, one in value.items()}
    return value
