"""`qwenq up` looks for a free port before it starts anything."""

import socket
from pathlib import Path

import pytest

from qwenq.embedded.up import keep_services
from qwenq.schemas.errors import CannotListen
from qwenq.schemas.settings import Settings


def test_up_with_a_port_that_is_taken_starts_nothing(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(CannotListen, match="already in use"),
    ):
        keep_services(Settings(home=tmp_path / "home", model="echo"), taken.getsockname()[1])
    assert not (tmp_path / "home" / "logs").exists()
