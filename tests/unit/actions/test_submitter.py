"""The submitter of a job: user and host, unless a setting names another."""

import os
import socket

import pytest

from qwenq.actions.submitters import submitter_of
from qwenq.schemas.settings import Settings


def test_the_submitter_is_the_user_and_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    assert submitter_of(Settings()) == f"ann@{socket.gethostname()}"


def test_the_setting_of_the_submitter_wins() -> None:
    assert submitter_of(Settings(submitter="reports@intranet")) == "reports@intranet"


def test_a_user_without_a_name_is_named_by_user_id(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)

    def nameless(_uid: int) -> object:
        raise KeyError("uid not found")

    monkeypatch.setattr("pwd.getpwuid", nameless)
    assert submitter_of(Settings()).startswith(f"{os.getuid()}@")
