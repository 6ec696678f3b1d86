"""The settings: the environment overrides qwenq.toml, which overrides defaults; how invalid ones are reported."""

from pathlib import Path

import pytest

from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.settings import Settings, load_settings, salvage_settings


@pytest.fixture(autouse=True)
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("QWENQ_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_default_settings_are_valid() -> None:
    settings = load_settings()
    assert settings.home == Path(".qwenq")
    assert settings.lease_seconds == 60
    assert settings.stall_seconds == 120
    assert settings.model is None


def test_the_file_overrides_defaults_and_the_environment_overrides_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("qwenq.toml").write_text('model = "from/file"\nlease_seconds = 5\n')
    monkeypatch.setenv("QWENQ_MODEL", "from/environment")
    settings = load_settings()
    assert settings.model == "from/environment"
    assert settings.lease_seconds == 5


def test_an_override_wins_over_all_unless_it_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWENQ_MODEL", "from/environment")
    monkeypatch.setenv("QWENQ_DEVICE", "cpu")
    settings = load_settings(model="given", device=None)
    assert (settings.model, settings.device) == ("given", "cpu")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_has_a_description(name: str) -> None:
    assert Settings.model_fields[name].description


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QWENQ_LEASE_SECONDS", "soon"),
        ("QWENQ_LEASE_SECONDS", "0"),
        ("QWENQ_BATCH_ROWS", "0"),
        ("QWENQ_FLOWER_AUTH", "nopassword"),
        ("QWENQ_LOG_LEVEL", "loud"),
        ("QWENQ_DTYPE", "int3"),
        ("QWENQ_QUANTIZE", "3bit"),
    ],
)
def test_an_invalid_setting_is_named_as_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting) as caught:
        load_settings()
    assert caught.value.name == name


def test_an_unknown_name_in_the_settings_file_is_refused() -> None:
    Path("qwenq.toml").write_text("modle = 'typo'\n")
    with pytest.raises(InvalidSetting, match="no setting 'modle'"):
        load_settings()


def test_salvage_reports_all_invalid_settings_and_keeps_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("qwenq.toml").write_text("modle = 'typo'\nlease_seconds = 'soon'\ndevice = 'cpu'\n")
    monkeypatch.setenv("QWENQ_DTYPE", "int3")
    monkeypatch.setenv("QWENQ_MODEL", "kept")
    settings, wrong = salvage_settings()
    assert sorted(error.name for error in wrong) == ["QWENQ_DTYPE", "QWENQ_LEASE_SECONDS", "qwenq.toml"]
    assert (settings.model, settings.device) == ("kept", "cpu")
    assert (settings.dtype, settings.lease_seconds) == ("auto", 60)


def test_salvage_keeps_the_environment_if_the_file_is_not_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("qwenq.toml").write_text("model =")
    monkeypatch.setenv("QWENQ_MODEL", "kept")
    monkeypatch.setenv("QWENQ_QUANTIZE", "3bit")
    settings, wrong = salvage_settings()
    assert [error.name for error in wrong] == ["qwenq.toml", "QWENQ_QUANTIZE"]
    assert (settings.model, settings.quantize) == ("kept", "none")


def test_salvage_reports_nothing_for_valid_settings() -> None:
    assert salvage_settings() == (load_settings(), [])


def test_passwords_are_not_shown() -> None:
    settings = load_settings(flower_auth="me:hidden", webhook_secret="hidden")
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ann", "valid: it must read user:password"),
        (":word", "user:password"),
        ("ann:", "user:password"),
        ("ann:wörd", "ASCII"),
    ],
)
def test_credentials_that_a_browser_cannot_send_are_refused(given: str, said: str) -> None:
    with pytest.raises(InvalidSetting, match=said):
        load_settings(flower_auth=given)
