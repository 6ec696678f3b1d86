"""The users of Flower's pages, and how a request proves to be one of them."""

import hmac
import secrets
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from pydantic import SecretStr

from qwenq.access.passwords import LEAST_CHARACTERS, HashedPassword, hash_password, is_hash
from qwenq.access.roles import Role, Visitor
from qwenq.schemas.errors import InvalidSetting, WeakPassword
from qwenq.schemas.settings import Settings

_SETTINGS = {Role.OPERATOR: "flower_auth", Role.VIEWER: "flower_viewers"}


@dataclass(frozen=True, slots=True)
class User:
    """A user with a password. `hashed` is None if the password is given as it is."""

    visitor: Visitor
    password: str
    hashed: HashedPassword | None

    @classmethod
    def parse(cls, entry: str, role: Role, setting: str) -> Self:
        """Read `user:password`. Raises InvalidSetting for a damaged hash."""
        name, _, password = entry.partition(":")
        try:
            hashed = HashedPassword.parse(password) if is_hash(password) else None
        except ValueError as error:
            raise InvalidSetting(name=f"QWENQ_{setting.upper()}", reason=str(error)) from None
        return cls(Visitor(name, role), password, hashed)


class Users:
    """All users, by their passwords. Checking is constant in time, and quick for a hashed password that fit before."""

    def __init__(self, users: tuple[User, ...], metrics_token: SecretStr | None = None) -> None:
        self._users = users
        self._key = secrets.token_bytes(32)
        """Passwords are compared and remembered by their digest with this key, not as they are."""
        self._known = {
            self._digest(f"{user.visitor.name}:{user.password}".encode()): user.visitor
            for user in users
            if user.hashed is None
        }
        self._hashed = {user.visitor.name.encode(): user for user in users if user.hashed is not None}
        self._nobody = HashedPassword.parse(hash_password(secrets.token_hex())) if self._hashed else None
        token = metrics_token.get_secret_value() if metrics_token else None
        self._metrics = self._digest(token.encode()) if token else None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read the users of the settings. Raises InvalidSetting."""
        return cls(tuple(_users(settings)), settings.metrics_token)

    def __bool__(self) -> bool:
        return bool(self._users)

    def find(self, authorization: str) -> Visitor | None:
        """The user whose name and password a header Authorization holds; None if they are wrong."""
        scheme, _, given = authorization.partition(" ")
        match scheme.lower():
            case "bearer" if self._metrics is not None:
                right = hmac.compare_digest(self._digest(given.strip().encode()), self._metrics)
                return Visitor("metrics", Role.METRICS) if right else None
            case "basic":
                try:
                    return self._find(b64decode(given.strip(), validate=True))
                except ValueError:
                    return None
        return None

    def _find(self, given: bytes) -> Visitor | None:
        digest = self._digest(given)
        found = [visitor for known, visitor in self._known.items() if hmac.compare_digest(digest, known)]
        if found:
            return found[0]
        name, _, password = given.partition(b":")
        user = self._hashed.get(name)
        # An unknown name takes as long, so that time does not reveal names.
        hashed = user.hashed if user else self._nobody
        if hashed is None or not hashed.fits(password) or user is None:
            return None
        self._known[digest] = user.visitor
        return user.visitor

    def _digest(self, given: bytes) -> bytes:
        return hmac.digest(self._key, given, "sha256")


def require_strong(settings: Settings, address: str) -> None:
    """Check plain passwords and tokens for an address that other machines can reach. Raises WeakPassword."""
    for user in _users(settings):
        if user.hashed is None and len(user.password) < LEAST_CHARACTERS:
            raise WeakPassword(
                whose=f"the password of {user.visitor.name}",
                name=f"QWENQ_{_SETTINGS[user.visitor.role].upper()}",
                least=LEAST_CHARACTERS,
                address=address,
            )
    token = settings.metrics_token
    if token is not None and len(token.get_secret_value()) < LEAST_CHARACTERS:
        raise WeakPassword("the token", "QWENQ_METRICS_TOKEN", LEAST_CHARACTERS, address)


def _users(settings: Settings) -> Iterator[User]:
    for role, setting in _SETTINGS.items():
        given: SecretStr | None = getattr(settings, setting)
        for entry in given.get_secret_value().split() if given else ():
            yield User.parse(entry, role, setting)
