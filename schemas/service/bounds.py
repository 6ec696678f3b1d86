"""How much a tenant or a key may use: each bound is a number, or off."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Self


class Default(StrEnum):
    """What stands for the default of a bound, which may change with a version."""

    DEFAULT = "default"


Bounded = int | Default | None
"""What a bound is set to; None is off."""
NO_CHANGE: Mapping[str, Bounded] = {}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of a tenant or a key; None is off. Those of a key count what its owner has in the tenant.

    Requests are counted over a sliding minute and hour, tokens from midnight UTC and from the first of the month.
    """

    requests_per_minute: int | None = None
    requests_per_hour: int | None = None
    open_batches: int | None = None
    waiting_documents: int | None = None
    stored_bytes: int | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None
    document_chars: int | None = None
    max_tokens: int | None = None
    batch_lines: int | None = None
    batch_bytes: int | None = None

    def changed(self, given: Mapping[str, int | None]) -> Self:
        """These bounds, some of them replaced."""
        return replace(self, **given)

    def narrower(self, other: "Bounds") -> "Bounds":
        """Of each bound the smaller one."""
        both = {name: (getattr(self, name), getattr(other, name)) for name in BOUNDS}
        return Bounds(**{name: _least(*pair) for name, pair in both.items()})


BOUNDS = tuple(field.name for field in fields(Bounds))

OFF = Bounds()
OF_LOCAL = Bounds(batch_lines=50_000, batch_bytes=200 * 1024**2)
"""The defaults of the command line's tenant: OpenAI's sizes alone."""
OF_TENANT = OF_LOCAL.changed(
    {
        "requests_per_minute": 60_000,
        "requests_per_hour": 1_000_000,
        "open_batches": 2_000,
        "waiting_documents": 5_000_000,
        "stored_bytes": 100 * 1024**3,
    }
)
"""The defaults of every other tenant. A key has no bounds by default."""


def terms_of(of_key: Bounds, of_tenant: Bounds, *, sanitizes: bool) -> dict[str, int | bool | None]:
    """What a batch is held to while it is validated, as it was when it was created.

    Of `waiting_documents` it is that of the key: that of the tenant is the present one.
    """
    both = of_key.narrower(of_tenant)
    terms = {name: getattr(both, name) for name in ("document_chars", "max_tokens", "batch_lines")}
    return {**terms, "waiting_documents": of_key.waiting_documents, "sanitizes": sanitizes}


def _least(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
