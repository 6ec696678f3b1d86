"""What ogx's public tests of Files and Batches want from their surroundings: a plugin of pytest for their folder.

`make ogx-tests OGX=/path/to/ogx` runs them against a service of ours. Their stack is not installed: the clients that
they ask for are OpenAI's own.
"""

import os
import sys
from enum import StrEnum
from types import ModuleType, SimpleNamespace
from typing import Any

import openai
import pytest


class OpenAIFilePurpose(StrEnum):
    """Of their package `ogx_api`."""

    ASSISTANTS = "assistants"
    BATCH = "batch"


def _install_stand_ins() -> None:
    for name, members in (
        ("ogx_api", {"OpenAIFilePurpose": OpenAIFilePurpose}),
        ("ogx", {}),
        ("ogx.core", {}),
        ("ogx.core.datatypes", {"User": SimpleNamespace}),
    ):
        module = ModuleType(name)
        vars(module).update(members)
        sys.modules[name] = module


_install_stand_ins()


@pytest.fixture
def openai_client() -> openai.OpenAI:
    """OpenAI's client, by its environment."""
    return openai.OpenAI(max_retries=0)


@pytest.fixture
def ogx_client() -> Any:
    """What their tests ask about the server: that it keeps files by itself."""
    provider = SimpleNamespace(api="files", provider_type="inline::localfs")
    return SimpleNamespace(providers=SimpleNamespace(list=lambda: [provider]))


@pytest.fixture
def text_model_id() -> str:
    """The model of the service."""
    return os.environ["MODEL"]


@pytest.fixture
def embedding_model_id() -> str:
    """No model of the service embeds."""
    pytest.skip("the service has no embedding models")
