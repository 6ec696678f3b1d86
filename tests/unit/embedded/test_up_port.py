"""`qwenq up` looks for a free port before it starts anything."""

import socket
from pathlib import Path

import pytest

from qwenq.embedded.up import keep_services
from qwenq.schemas.errors import CannotListen
from qwenq.schemas.settings import Settings


@pytest.mark.parametrize("option", ["--port", "--serve-port"])
def test_up_with_a_port_that_is_taken_starts_nothing(tmp_path: Path, option: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(CannotListen, match=f"already in use.*Choose another {option} "),
    ):
        port = taken.getsockname()[1]
        ports = (port, 0) if option == "--port" else (0, port)
        keep_services(Settings(home=tmp_path / "home", model="echo"), *ports)
    assert not (tmp_path / "home" / "logs").exists()
