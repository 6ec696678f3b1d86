"""A hub model's revision, named after an @."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from qwenq.schemas.errors import ModelUnavailable
from qwenq.store.broker.broker import queue_name
from qwenq.worker.engines.hub_name import HubName
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.loading.loading import LoadedModel, load_model
from qwenq.worker.engines.transformers.loading.source import check_source
from qwenq.worker.reuse.fingerprints import Fingerprints
from tests.unit.worker.engines.asking import ask

NEW, OLD = "a" * 40, "b" * 40


@pytest.fixture
def cached(checkpoint: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of a hub that cannot be reached: a model with two commits, of which the older one has other weights."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    repository = tmp_path / "models--Qwen--Tiny"
    for commit in (NEW, OLD):
        shutil.copytree(checkpoint("qwen3"), repository / "snapshots" / commit)
    file = repository / "snapshots" / OLD / "model.safetensors"
    save_file({name: weight + 1 for name, weight in load_file(file).items()}, file, metadata={"format": "pt"})
    for name, commit in (("main", NEW), ("refs/pr/1", OLD), ("v1.0", OLD)):
        (repository / "refs" / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / "refs" / name).write_text(commit)
    return repository


def load(model: str) -> LoadedModel:
    return load_model(model, EngineOptions("cpu"))


def test_without_a_revision_the_newest_commit_is_loaded(cached: Path) -> None:
    assert load("Qwen/Tiny").info.weights.revision == NEW


@pytest.mark.parametrize("revision", [OLD, "v1.0", "refs/pr/1"])
def test_a_commit_branch_or_tag_is_loaded_and_recorded(cached: Path, revision: str) -> None:
    newest, older = load("Qwen/Tiny"), load(f"Qwen/Tiny@{revision}")
    assert (older.info.model, older.info.weights.revision) == (f"Qwen/Tiny@{revision}", OLD)
    one, other = (next(loaded.network.parameters()) for loaded in (newest, older))
    assert torch.allclose(one + 1, other)


def test_an_unknown_revision_is_refused(cached: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"the hub is not asked .*, and the model is not in"):
        load("Qwen/Tiny@v9")


@pytest.mark.parametrize(
    "model", ["Qwen/Tiny@", "Qwen/Tiny@../x", "Qwen/Tiny@a/../b", "Qwen/Tiny@a b", "Qwen/Tiny@-@"]
)
def test_what_cannot_be_a_revision_is_refused_in_a_sentence(model: str) -> None:
    with pytest.raises(ModelUnavailable, match="after the @ comes a commit"):
        check_source(model)


def test_a_folder_with_an_at_in_its_name_is_a_folder(
    checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(checkpoint("qwen3"), tmp_path / "tiny@main")
    assert HubName.of(str(folder)) == HubName(str(folder))
    assert load(str(folder)).info.weights == load(str(checkpoint("qwen3"))).info.weights


def test_each_revision_has_a_queue_of_its_own() -> None:
    names = {queue_name(model) for model in ("Qwen/Tiny", "Qwen/Tiny@v1", "Qwen/Tiny@v2", "Qwen/Tiny-v1")}
    assert len(names) == 4
    assert all(set(name) <= set("qwenQTiyV.-v12abcdef0123456789") for name in names)


def test_the_same_commit_has_the_same_fingerprints_whatever_its_name(cached: Path) -> None:
    by_tag, by_commit, newest = (
        Fingerprints(load(model).info).of(ask("Hello"))
        for model in ("Qwen/Tiny@v1.0", f"Qwen/Tiny@{OLD}", "Qwen/Tiny")
    )
    assert by_tag == by_commit != newest
