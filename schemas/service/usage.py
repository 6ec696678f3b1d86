"""What a tenant used."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict


class UsageRow(BaseModel):
    """What a tenant's owner used of a model on a day (UTC); `owner` is empty for the command line's jobs.

    `reused` are of `answers`, `prefix_tokens` of `prompt_tokens`, `reasoning_tokens` of `completion_tokens`.
    """

    model_config = ConfigDict(frozen=True)

    day: str
    owner: str
    model: str
    answers: int = 0
    failures: int = 0
    reused: int = 0
    prompt_tokens: int = 0
    prefix_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    device_seconds: float = 0.0


class UsageReport(BaseModel):
    """What a tenant used in a month, by day, owner and model; `cost` is that of the devices' time."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    month: str
    used: tuple[UsageRow, ...]
    total: UsageRow
    gpu_hour_price: float | None
    currency: str
    cost: float | None


_KEYS = {"day", "owner", "model"}


def summed(rows: Iterable[UsageRow], owner: str = "", model: str = "") -> UsageRow:
    """The sum of rows."""
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row.model_dump(exclude=_KEYS))
    return UsageRow(day="", owner=owner, model=model, **total)


def by_owner_and_model(rows: Sequence[UsageRow]) -> list[UsageRow]:
    """The sums of each owner with each model."""
    return [
        summed((row for row in rows if (row.owner, row.model) == key), owner=key[0], model=key[1])
        for key in sorted({(row.owner, row.model) for row in rows})
    ]
