"""Versions of Redis and Valkey, and which have the security fixes that were known when this was written."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

ANSWER_SECONDS = 10.0
FIXED_SINCE: Mapping[str, Mapping[tuple[int, int], int]] = {
    "Redis": {(6, 2): 24, (7, 2): 16, (7, 4): 11, (8, 2): 9, (8, 4): 6, (8, 6): 6, (8, 8): 2, (8, 10): 1},
    "Valkey": {(7, 2): 14, (8, 0): 10, (8, 1): 9, (9, 0): 5, (9, 1): 1},
}
"""The first release of each maintained line with all fixes. A line below the newest that is not named gets none.

docs/security.md names the vulnerabilities, and where these numbers come from.
"""
_VERSION = re.compile(r"(Redis|Valkey) server v=(\d+)\.(\d+)\.(\d+)")
_NUMBER = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class ServerVersion:
    """The version of a server: `name` is Redis or Valkey, `line` its first two numbers, `patch` the third."""

    name: str
    line: tuple[int, int]
    patch: int

    @classmethod
    def of_executable(cls, path: str) -> "ServerVersion | None":
        """Ask a program for its version; None if it is no such server."""
        try:
            said = subprocess.run(
                [path, "--version"], capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS
            )
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return None
        found = _VERSION.search(said.stdout)
        return found and cls(found[1], (int(found[2]), int(found[3])), int(found[4]))

    @classmethod
    def of_info(cls, info: Mapping[str, object]) -> "ServerVersion | None":
        """Read what a server says about itself (`INFO server`); None if it does not say."""
        name = "Valkey" if "valkey_version" in info else "Redis"
        found = _NUMBER.match(str(info.get(f"{name.lower()}_version", "")))
        return found and cls(name, (int(found[1]), int(found[2])), int(found[3]))

    @property
    def is_fixed(self) -> bool:
        """Whether it has the known security fixes. Lines newer than all that are named here count as fixed."""
        lines = FIXED_SINCE[self.name]
        if self.line > max(lines):
            return True
        return self.line in lines and self.patch >= lines[self.line]

    @property
    def advice(self) -> str:
        """Say that it lacks security fixes, and which version has them."""
        patch = FIXED_SINCE[self.name].get(self.line)
        if patch is None:
            newest = max(FIXED_SINCE[self.name])
            return f"{self} gets no security fixes any more; install {self.name} {newest[0]}.{newest[1]} or newer"
        return (
            f"{self} lacks security fixes; install {self.line[0]}.{self.line[1]}.{patch} or newer, unless your "
            "distribution has backported them"
        )

    def __str__(self) -> str:
        return f"{self.name} {self.line[0]}.{self.line[1]}.{self.patch}"
