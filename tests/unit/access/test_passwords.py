"""Hashes of passwords: made, read, and refused when damaged."""

import hashlib

import pytest

from qwenq.access.passwords import HashedPassword, hash_password, is_hash


def test_a_hash_fits_its_password_and_no_other() -> None:
    text = hash_password("correct horse")
    assert is_hash(text)
    assert "correct" not in text
    assert "$" not in text
    hashed = HashedPassword.parse(text)
    assert hashed.fits(b"correct horse")
    assert not hashed.fits(b"correct horsf")
    assert not hashed.fits(b"")
    assert hash_password("correct horse") != text, "each hash has a salt of its own"


def test_a_hash_as_werkzeug_writes_it_is_taken() -> None:
    digest = hashlib.scrypt(
        b"a long password", salt=b"saltsaltsaltsalt", n=2**15, r=8, p=1, maxmem=132 * 2**18
    )
    hashed = HashedPassword.parse(f"scrypt:32768:8:1$saltsaltsaltsalt${digest.hex()}")
    assert hashed.fits(b"a long password")


@pytest.mark.parametrize(
    "damaged",
    [
        "scrypt:",
        "scrypt:32768:8:1",
        "scrypt:32768:8:1:salt:zz",
        "scrypt:32767:8:1:saltsalt:" + "ab" * 32,
        "scrypt:999999:8:1:saltsalt:" + "ab" * 32,
        "scrypt:32768:99:1:saltsalt:" + "ab" * 32,
        "scrypt:32768:8:0:saltsalt:" + "ab" * 32,
        "scrypt:32768:8:1:saltsalt:" + "a" * 33,
    ],
)
def test_a_damaged_hash_is_refused_with_the_command_that_makes_one(damaged: str) -> None:
    with pytest.raises(ValueError, match="hash"):
        HashedPassword.parse(damaged)
