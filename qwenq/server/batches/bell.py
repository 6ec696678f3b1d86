"""Wakes whoever takes care of batches: rung by requests of this process and of others that it started."""

import socket
from contextlib import suppress

_RING = b"."


class Bell:
    """Rung at any time by any process that has it; a ring is heard once, and many rings may be heard as one."""

    def __init__(self) -> None:
        self._heard, self._rung = socket.socketpair(type=socket.SOCK_DGRAM)
        # A bell that nobody hears must hold nobody up.
        self._heard.setblocking(False)
        self._rung.setblocking(False)

    def ring(self) -> None:
        """Have batches looked at now: one was created, or cancelled."""
        with suppress(OSError):
            self._rung.send(_RING)

    def fileno(self) -> int:
        """What to wait on."""
        return self._heard.fileno()

    def hush(self) -> None:
        """Forget the rings so far."""
        with suppress(OSError):
            while self._heard.recv(len(_RING)):
                pass

    def __del__(self) -> None:
        self._heard.close()
        self._rung.close()
