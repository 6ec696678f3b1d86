"""A model's revision changes with the files that decide its answers, and only with them."""

import os
import shutil
from pathlib import Path

import pytest

from qwenq.worker.engines import revision
from qwenq.worker.engines.revision import weights_of
from tests.processes import TINY_MODEL

SMALL, LARGE = "config.json", "model.safetensors"


def revision_of(model: str) -> str | None:
    return weights_of(model).revision


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder."""
    folder = tmp_path / "model"
    shutil.copytree(TINY_MODEL, folder)
    return folder


def test_a_copy_of_a_folder_has_the_same_revision_whenever_it_was_made(folder: Path) -> None:
    os.utime(folder / LARGE, (1, 1))
    (folder / "README.md").write_text("Not read by any engine.")
    assert revision_of(str(folder)) == revision_of(str(TINY_MODEL))


@pytest.mark.parametrize("name", [SMALL, LARGE, "tokenizer.json"])
def test_a_changed_byte_of_a_small_file_changes_the_revision(folder: Path, name: str) -> None:
    before = revision_of(str(folder))
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert revision_of(str(folder)) != before


def test_a_new_or_renamed_file_changes_the_revision(folder: Path) -> None:
    before = revision_of(str(folder))
    (folder / "adapter.safetensors").write_bytes(b"")
    more = revision_of(str(folder))
    (folder / "adapter.safetensors").rename(folder / "b.safetensors")
    assert len({before, more, revision_of(str(folder))}) == 3


def test_every_byte_of_a_large_file_changes_the_revision(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revision, "PIECE_BYTES", 1_000)
    content = bytes(range(250)) * 10 + b"last"
    found = set()
    for place in (None, 0, 999, 1_000, 1_234, len(content) - 1):
        changed = bytearray(content)
        if place is not None:
            changed[place] ^= 1
        (folder / LARGE).write_bytes(changed)
        found.add(revision_of(str(folder)))
    (folder / LARGE).write_bytes(content[:-1])
    assert len(found | {revision_of(str(folder))}) == 7


def test_the_revision_of_a_hub_model_is_the_commit_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--Qwen--Some"
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / SMALL).write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    assert revision_of("Qwen/Some") == commit
    assert revision_of("Qwen/Other") is None


def test_commits_that_differ_in_no_file_that_loading_reads_have_one_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--Qwen--Some"

    def digest_of(commit: str, **more: str) -> str | None:
        snapshot = repository / "snapshots" / (commit * 40)
        snapshot.mkdir(parents=True)
        blobs = {SMALL: "a1", LARGE: "b2", "tokenizer.json": "c3"} | more
        for name, blob in blobs.items():
            (repository / "blobs").mkdir(exist_ok=True)
            (repository / "blobs" / blob).touch()
            (snapshot / name).symlink_to(f"../../blobs/{blob}")
        return weights_of(f"Qwen/Some@{commit * 40}").digest

    first = digest_of("1")
    assert first is not None
    assert digest_of("2", **{"README.md": "d4", "vocab.json": "e5", "notes.txt": "f6"}) == first
    assert digest_of("3", **{LARGE: "b3"}) != first
    assert digest_of("4", **{"chat_template.jinja": "d9"}) != first
    assert digest_of("5", **{"chat_template.json": "d8"}) != first


def test_a_name_that_is_no_folder_and_no_hub_id_has_no_revision() -> None:
    assert revision_of("no such/model at all") is None
