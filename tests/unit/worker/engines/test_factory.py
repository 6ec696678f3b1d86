"""Which engine is made for which model, and what is imported for it."""

import subprocess
import sys

import pytest

from qwenq.schemas.errors import ModelUnavailable
from qwenq.schemas.requests import EngineHooks
from qwenq.schemas.settings import Settings
from qwenq.worker.engines.echo.engine import EchoEngine
from qwenq.worker.engines.factory import make_engine
from qwenq.worker.engines.transformers.engine import TransformersEngine
from tests.unit.worker.engines.asking import ask

WITHOUT_TORCH = """
import sys
from qwenq.schemas.requests import EngineHooks
from qwenq.schemas.settings import Settings
from qwenq.worker.engines.factory import make_engine
make_engine("echo", Settings(), EngineHooks(print, print)).load()
assert not {"torch", "transformers"} & set(sys.modules), "a heavy library was imported"
"""


def test_echo_is_made_without_torch() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_model_chooses_the_engine(quiet: EngineHooks) -> None:
    assert isinstance(make_engine("echo", Settings(), quiet), EchoEngine)
    engine = make_engine("some/model", Settings(device="cpu"), quiet)
    assert isinstance(engine, TransformersEngine)


def test_a_model_that_is_not_loaded_answers_nothing(quiet: EngineHooks) -> None:
    engine = make_engine("some/model", Settings(), quiet)
    with pytest.raises(ModelUnavailable):
        next(iter(engine.generate([ask("text")])))
