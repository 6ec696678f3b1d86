"""Users of the settings: found by their password, in constant time, and refused when it is short."""

from base64 import b64encode

import pytest
from pydantic import SecretStr

from qwenq.access.passwords import HashedPassword, hash_password
from qwenq.access.roles import Role, Visitor
from qwenq.access.users import Users, require_strong
from qwenq.schemas.errors import InvalidSetting, WeakPassword
from qwenq.schemas.settings import Settings

HASH = hash_password("a long password")


def _settings(**secrets: str) -> Settings:
    return Settings(**{name: SecretStr(value) for name, value in secrets.items()})  # type: ignore[arg-type]


def _basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def users() -> Users:
    return Users.of(
        _settings(
            flower_auth=f"ann:plain-password bob:{HASH}",
            flower_viewers="eve:word:with:colons",
            metrics_token="a-long-token",
        )
    )


@pytest.mark.parametrize(
    ("authorization", "visitor"),
    [
        (_basic("ann", "plain-password"), Visitor("ann", Role.OPERATOR)),
        (_basic("bob", "a long password"), Visitor("bob", Role.OPERATOR)),
        (_basic("eve", "word:with:colons"), Visitor("eve", Role.VIEWER)),
        ("Bearer a-long-token", Visitor("metrics", Role.METRICS)),
        ("bearer  a-long-token ", Visitor("metrics", Role.METRICS)),
        (_basic("ann", "plain-passwore"), None),
        (_basic("ann", ""), None),
        (_basic("bob", HASH), None),
        (_basic("bob", "plain-password"), None),
        (_basic("nobody", "a long password"), None),
        (_basic("metrics", "a-long-token"), None),
        ("Bearer a-long-tokem", None),
        ("Bearer plain-password", None),
        ("Bearer ", None),
        ("Bearer é", None),
        ("Digest a-long-token", None),
        ("Basic !!!", None),
        ("Basic é", None),
        ("", None),
    ],
)
def test_a_user_is_found_by_the_right_password_only(
    users: Users, authorization: str, visitor: Visitor | None
) -> None:
    assert users.find(authorization) == visitor


def test_a_hashed_password_is_checked_once_and_its_user_remembered(
    users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert users.find(_basic("bob", "a long password"))
    monkeypatch.setattr(HashedPassword, "fits", lambda *_: pytest.fail("the hash was checked again"))
    assert users.find(_basic("bob", "a long password"))


def test_an_unknown_name_costs_as_much_as_a_known_one(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bytes] = []

    def fits(_: HashedPassword, password: bytes) -> bool:
        checked.append(password)
        return False

    monkeypatch.setattr(HashedPassword, "fits", fits)
    users.find(_basic("bob", "one"))
    users.find(_basic("nobody", "two"))
    assert checked == [b"one", b"two"]


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        ({"flower_auth": "a:b"}, "password of a"),
        ({"flower_auth": "ann:plain-password bob:short"}, "password of bob"),
        ({"flower_viewers": "eve:short"}, "QWENQ_FLOWER_VIEWERS"),
        ({"metrics_token": "short"}, "QWENQ_METRICS_TOKEN"),
    ],
)
def test_a_short_password_is_refused_on_an_address_of_the_network(secrets: dict[str, str], said: str) -> None:
    with pytest.raises(WeakPassword, match=said) as refused:
        require_strong(_settings(**secrets), "0.0.0.0")
    assert "short" not in str(refused.value)
    assert "12 characters" in str(refused.value)


def test_a_long_or_hashed_password_is_taken_on_an_address_of_the_network() -> None:
    require_strong(
        _settings(flower_auth=f"ann:twelve-signs bob:{HASH}", metrics_token="twelve-signs"), "0.0.0.0"
    )


def test_a_damaged_hash_of_the_settings_is_refused_by_name() -> None:
    with pytest.raises(InvalidSetting, match=r"QWENQ_FLOWER_AUTH.*--hash-password"):
        Users.of(_settings(flower_auth="ann:scrypt:1"))
