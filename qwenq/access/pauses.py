"""Slows down guessing of passwords: after some wrong ones an address must wait, longer each time."""

import ipaddress
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from qwenq.schemas.log.events import Event

FREE_REFUSALS = 5
MOST_SECONDS = 60.0
FORGET_SECONDS = 900.0
MOST_ADDRESSES = 10_000
LOG_SECONDS = 1.0
_IPV6_NETWORK = 64
"""A customer usually has a network of this size, so its addresses count as one."""

_log = logging.getLogger("qwenq.monitor")


@dataclass(slots=True)
class _Guesser:
    refusals: int = 0
    refused_at: float = 0.0

    @property
    def pause_seconds(self) -> float:
        beyond = self.refusals - FREE_REFUSALS
        return 0.0 if beyond < 0 else min(2.0 ** min(beyond, 16), MOST_SECONDS)


class Pauses:
    """Wrong passwords by address, in bounded memory: the address that was refused longest ago is forgotten first.

    A right password does not clear its address, since a guesser may have an account as well.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._guessers: OrderedDict[str, _Guesser] = OrderedDict()
        self._logged_at = float("-inf")
        self._unlogged = 0

    def seconds_left(self, address: str) -> float:
        """How long the address must wait until its next password is looked at."""
        guesser = self._guessers.get(network_of(address))
        return max(0.0, guesser.refused_at + guesser.pause_seconds - self._now()) if guesser else 0.0

    def note_refusal(self, address: str) -> None:
        """Count a wrong password, and log it."""
        network, now = network_of(address), self._now()
        guesser = self._guessers.pop(network, _Guesser())
        if now - guesser.refused_at > FORGET_SECONDS:
            guesser = _Guesser()
        guesser.refusals += 1
        guesser.refused_at = now
        self._guessers[network] = guesser
        if len(self._guessers) > MOST_ADDRESSES:
            self._guessers.popitem(last=False)
        self.log(address)

    def log(self, address: str) -> None:
        """Log a refusal, at most once a second, with the number of refusals since the line before."""
        self._unlogged += 1
        if self._now() - self._logged_at < LOG_SECONDS:
            return
        _log.warning(Event.FLOWER_REFUSED, extra={"address": address, "refusals": self._unlogged})
        self._logged_at, self._unlogged = self._now(), 0


def network_of(address: str) -> str:
    """The address, or the network of an IPv6 address. What is no address is its own network."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _IPV6_NETWORK), strict=False))
