"""Who submits a job is the user and the host, unless it is set."""

import os
import socket

import pytest

from qwenq.actions.request import submitter_of
from qwenq.schemas.settings import Settings


def test_a_person_is_named_with_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    assert submitter_of(Settings()) == f"ann@{socket.gethostname()}"


def test_a_service_names_whom_it_submits_for() -> None:
    assert submitter_of(Settings(submitter="reports@intranet")) == "reports@intranet"


def test_a_user_without_a_name_goes_by_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)

    def nameless(_uid: int) -> object:
        raise KeyError("uid not found")

    monkeypatch.setattr("pwd.getpwuid", nameless)
    assert submitter_of(Settings()).startswith(f"{os.getuid()}@")
