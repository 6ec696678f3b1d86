"""Proxies before Flower: whose headers about the client are believed."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from tornado.httputil import HTTPServerRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SOCKET = "0.0.0.0"  # noqa: S104 - Tornado's address of a client at a Unix socket


@dataclass(frozen=True, slots=True)
class Proxies:
    """The networks of trusted proxies. Empty: no header about a client is believed."""

    networks: Sequence[Network]

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read addresses and networks, separated by commas or spaces. Raises ValueError."""
        words = (text or "").replace(",", " ").split()
        return cls(tuple(ipaddress.ip_network(word, strict=False) for word in words))

    def reveal(self, request: HTTPServerRequest) -> None:
        """Give a request that comes through trusted proxies its client's address and scheme."""
        if not self.trusts(request.remote_ip or ""):
            return
        forwarded = ",".join(request.headers.get_list("X-Forwarded-For")).split(",")
        for address in map(str.strip, reversed(forwarded)):
            if not _is_address(address):
                break
            request.remote_ip = address
            if not self.trusts(address):
                break
        scheme = request.headers.get("X-Scheme") or request.headers.get("X-Forwarded-Proto") or ""
        scheme = scheme.rpartition(",")[2].strip().lower()
        if scheme in {"http", "https"}:
            request.protocol = scheme

    def trusts(self, address: str) -> bool:
        """Whether an address is a trusted proxy's. At a Unix socket there is nobody else."""
        if address == _SOCKET:
            return bool(self.networks)
        return _is_address(address) and any(ipaddress.ip_address(address) in one for one in self.networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
