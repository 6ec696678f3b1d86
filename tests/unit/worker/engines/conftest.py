"""One small model of each architecture, saved once a session."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from qwenq.schemas.requests import EngineHooks
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine
from tests.models import ARCHITECTURES, VARIANTS, save_model, save_spelling_model

Checkpoint = Callable[[str], Path]
CONFIGS = {**ARCHITECTURES, **VARIANTS}


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Compute on one thread: with more, the threads of such small models only wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """Return the folder of an architecture's model, by its name in ARCHITECTURES or VARIANTS."""
    saved: dict[str, Path] = {}

    def folder_of(name: str) -> Path:
        if name not in saved:
            saved[name] = save_model(tmp_path_factory.mktemp(name), CONFIGS[name]())
        return saved[name]

    return folder_of


@pytest.fixture
def spelling(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Path]:
    """Return the folder of a model whose answers spell their tokens, by its name in ARCHITECTURES or VARIANTS."""
    # For the models in this set, Transformers ignores the checkpoint's tokenizer class.
    distrusted = "transformers.models.auto.tokenization_auto.MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS"
    monkeypatch.setattr(distrusted, frozenset())
    return lambda name: save_spelling_model(tmp_path_factory.mktemp(name), CONFIGS[name]())


@pytest.fixture
def quiet() -> EngineHooks:
    """Hooks that do nothing."""
    return EngineHooks(on_step=lambda: None, on_batch=lambda _: None)


@pytest.fixture(scope="session")
def engine_of(checkpoint: Checkpoint) -> Callable[[str], TransformersEngine]:
    """Return a loaded engine for an architecture, shared by all tests."""
    loaded: dict[str, TransformersEngine] = {}

    def engine(name: str) -> TransformersEngine:
        if name not in loaded:
            hooks = EngineHooks(on_step=lambda: None, on_batch=lambda _: None)
            loaded[name] = TransformersEngine(str(checkpoint(name)), EngineOptions("cpu"), hooks)
            loaded[name].load()
        return loaded[name]

    return engine


@pytest.fixture(scope="session")
def network_of(checkpoint: Checkpoint) -> Callable[[str], Any]:
    """Load the model alone, with Transformers."""
    return lambda name: AutoModelForCausalLM.from_pretrained(checkpoint(name))
