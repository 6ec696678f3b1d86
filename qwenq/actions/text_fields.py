"""The texts of a request: what every store can keep, and no longer than makes sense."""

from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.log.visible import visible_line

LONGEST_NAME = 4_096
"""In characters: as long as the longest path."""
LONGEST_TEXT = 1_000_000
"""In characters. A prompt or a system message is sent with each document."""


def check_name(parameter: str, value: object) -> None:
    """Raise InvalidParameter unless a value is a name: text of at most LONGEST_NAME characters, or None."""
    _check(parameter, value, LONGEST_NAME)


def check_text(parameter: str, value: object) -> None:
    """Raise InvalidParameter unless a value is text of at most LONGEST_TEXT characters, or None."""
    _check(parameter, value, LONGEST_TEXT)


def storable_name(file: str) -> str:
    """A file's name as the name of a job: bytes that are no text, and control characters, are made visible."""
    return visible_line(file)[:LONGEST_NAME]


def _check(parameter: str, value: object, longest: int) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise InvalidParameter(name=parameter, reason=f"it must be text, not {type(value).__name__}")
    if "\0" in value:
        place = value.index("\0") + 1
        raise InvalidParameter(name=parameter, reason=f"it must not hold a NUL character (character {place})")
    if len(value) > longest:
        raise InvalidParameter(
            name=parameter, reason=f"it has {len(value):,} characters; at most {longest:,} are allowed"
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        place = error.start + 1
        reason = f"character {place} is not text: a byte that is not UTF-8, or half of a surrogate pair"
        raise InvalidParameter(name=parameter, reason=reason) from None
