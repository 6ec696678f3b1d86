"""The Compose files as Compose reads them: with its tags, and one file over the other."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
BASE = ROOT / "docker-compose.yml"
CPU = ROOT / "docker-compose.cpu.yml"


class _Reset:
    """A value marked `!reset`: the file below it loses this value."""


class _Loader(yaml.SafeLoader):
    """YAML with Compose's own tags."""


_Loader.add_constructor("!reset", lambda *_: _Reset())


def load(path: Path) -> dict[str, Any]:
    """One file without its resets, as the schema knows it."""
    read: dict[str, Any] = _without_resets(_read(path))
    return read


def merged(base: Path, override: Path) -> dict[str, Any]:
    """What `docker compose -f base -f override` runs, as far as maps go."""
    laid: dict[str, Any] = _laid_over(_read(base), _read(override))
    return laid


def environments(compose: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The variables of each service."""
    return {name: dict(one.get("environment", {})) for name, one in compose["services"].items()}


def qwenq_services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services that run qwenq."""
    return {name: one for name, one in compose["services"].items() if one.get("image") == "qwenq"}


def _read(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), _Loader)


def _without_resets(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _without_resets(one) for name, one in value.items() if not isinstance(one, _Reset)}


def _laid_over(base: Any, override: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(override, dict)):
        return override
    laid = dict(base)
    for name, value in override.items():
        if isinstance(value, _Reset):
            laid.pop(name, None)
        else:
            laid[name] = _laid_over(base[name], value) if name in base else value
    return laid
