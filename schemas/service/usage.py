"""What a tenant used."""

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
