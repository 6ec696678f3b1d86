"""Passwords of Flower's pages: plain, or as a scrypt hash that does not reveal them."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Self

LEAST_CHARACTERS = 12
"""Passwords and tokens that are shorter are refused on addresses that other machines can reach."""
SCHEME = "scrypt"
_N, _R, _P = 2**15, 8, 1
_MOST_N, _MOST_R, _MOST_P = 2**17, 16, 4
_SALT_BYTES = 12
_PARTS = re.compile(
    r"scrypt:(\d{1,6}):(\d{1,2}):(\d{1,2})[:$]([\w.+/=-]{8,64})[:$]((?:[0-9a-f]{2}){16,64})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class HashedPassword:
    """scrypt's parameters, salt and digest. Checking a password takes about 0.1 seconds and 32 MiB."""

    n: int
    r: int
    p: int
    salt: str
    digest: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `scrypt:N:r:p:salt:digest`, or the same with `$` as Werkzeug writes it. Raises ValueError."""
        found = _PARTS.fullmatch(text)
        if found is None:
            raise ValueError(
                "a hash must read scrypt:N:r:p:salt:digest; make one with `qwenq flower --hash-password`"
            )
        n, r, p = (int(number) for number in found.group(1, 2, 3))
        if not (2**10 <= n <= _MOST_N and n.bit_count() == 1 and 1 <= r <= _MOST_R and 1 <= p <= _MOST_P):
            raise ValueError(
                f"a hash has N up to {_MOST_N}, a power of 2, r up to {_MOST_R} and p up to {_MOST_P}"
            )
        return cls(n, r, p, found[4], bytes.fromhex(found[5]))

    def fits(self, password: bytes) -> bool:
        """Whether the password has this hash."""
        digest = hashlib.scrypt(
            password,
            salt=self.salt.encode(),
            n=self.n,
            r=self.r,
            p=self.p,
            maxmem=132 * self.n * self.r * self.p,
            dklen=len(self.digest),
        )
        return hmac.compare_digest(digest, self.digest)

    def __str__(self) -> str:
        return f"{SCHEME}:{self.n}:{self.r}:{self.p}:{self.salt}:{self.digest.hex()}"


def hash_password(password: str) -> str:
    """Hash a password with a new salt. The hash has no `$`, which Compose and shells would replace."""
    salt = secrets.token_hex(_SALT_BYTES)
    digest = hashlib.scrypt(
        password.encode(), salt=salt.encode(), n=_N, r=_R, p=_P, maxmem=132 * _N * _R * _P
    )
    return str(HashedPassword(_N, _R, _P, salt, digest))


def is_hash(password: str) -> bool:
    """Whether a password is given as a hash."""
    return password.startswith(f"{SCHEME}:")
