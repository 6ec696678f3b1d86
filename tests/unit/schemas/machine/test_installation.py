"""Advice on installing an extra names what pip can find here."""

import json
from importlib import metadata
from pathlib import Path

import pytest

from qwenq.schemas.errors import MissingExtra
from qwenq.schemas.machine import installation


class Installed:
    """A distribution with a record of where it came from."""

    def __init__(self, url: str | None) -> None:
        self._url = url

    def read_text(self, _name: str) -> str | None:
        """The record of its source."""
        return None if self._url is None else json.dumps({"url": self._url, "dir_info": {}})


@pytest.mark.parametrize("where", ["clone", "here", "gone", "index"])
def test_an_extra_is_installed_from_where_qwenq_came_from(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "a clone"
    clone.mkdir()
    if where != "gone":
        (clone / "pyproject.toml").touch()
    if where == "here":
        monkeypatch.chdir(clone)
    installed = Installed(None if where == "index" else clone.as_uri())
    monkeypatch.setattr(installation, "distribution", lambda _name: installed)
    advice = {"clone": f"{clone}[s3]", "here": ".[s3]"}.get(where, "qwenq[s3]")
    assert f"pip install '{advice}'" in str(
        MissingExtra(what="s3://a", requirement=installation.with_extra("s3"))
    )


def test_a_copy_that_was_never_installed_names_qwenq(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_name: str) -> None:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(installation, "distribution", unknown)
    assert installation.with_extra("gcs") == "qwenq[gcs]"
