"""How qwenq was installed, so that advice on installing more works here."""

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit


def with_extra(extra: str) -> str:
    """What pip installs for an extra of qwenq: of the folder that qwenq was installed from, or of the index."""
    folder = _source_folder()
    if folder is None:
        return f"qwenq[{extra}]"
    return f"{'.' if folder == Path.cwd() else folder}[{extra}]"


def _source_folder() -> Path | None:
    """The folder that qwenq was installed from, if it is still there."""
    try:
        recorded = distribution("qwenq").read_text("direct_url.json")
        url = urlsplit(json.loads(recorded or "{}").get("url", ""))
    except (PackageNotFoundError, OSError, ValueError):
        return None
    folder = Path(unquote(url.path))
    return folder if url.scheme == "file" and (folder / "pyproject.toml").is_file() else None
