"""The environment gives a child process the same settings."""

import pytest

from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings


def test_settings_with_several_names_reach_a_child_process() -> None:
    settings = Settings(input_roots=("/data/in", "s3://bucket/in"), webhook_hosts=("localhost",))
    environment = environment_of(settings)
    assert environment["QWENQ_INPUT_ROOTS"] == "/data/in,s3://bucket/in"
    assert environment["QWENQ_OUTPUT_ROOTS"] == ""


def test_names_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_of(Settings(input_roots=("/a", "/b c"))).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.input_roots == ("/a", "/b c")
    assert settings.output_roots == ()
