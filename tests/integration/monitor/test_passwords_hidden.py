"""A database password with signs that end a URL's password elsewhere stands on no page."""

import json
from pathlib import Path

import pytest

from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_store
from tests.monitors import running_monitor

PATHS = ["/jobs", "/jobs/1", "/jobs/9/results.jsonl", "/fleet", "/metrics", "/broker", "/workers"]


@pytest.fixture(scope="module")
def watched(home: Path) -> Settings:
    """Settings without a store: nothing connects."""
    return Settings(home=home)


@pytest.mark.parametrize("sign", ["/", "#", "?", " ", "%2F", ":", "@@"])
def test_no_page_shows_a_password_with_signs_of_urls(watched: Settings, sign: str) -> None:
    password = f"s3cret{sign}w0rd"
    address = f"postgresql://user:{password}@127.0.0.1:1/none?connect_timeout=1"
    settings = watched.model_copy(update={"database_url": address})
    with running_monitor(settings) as browser:
        for path in PATHS:
            answer = browser.get(path)
            assert "w0rd" not in answer.text + json.dumps(dict(answer.headers)), path
            assert "s3cret" not in answer.text, path


def test_an_unescaped_at_sign_in_a_password_is_refused_without_showing_it(watched: Settings) -> None:
    settings = watched.model_copy(update={"database_url": "postgresql://user:s3cret@w0rd@127.0.0.1:1/none"})
    with pytest.raises(InvalidSetting, match="%40") as refused:
        open_store(settings).close()
    assert "w0rd" not in str(refused.value)
