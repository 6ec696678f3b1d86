"""A job's cost: sizes and times of its answers, and device time."""

from pydantic import BaseModel, ConfigDict

from qwenq.schemas.measures.histograms import Histogram


class Distributions(BaseModel):
    """Histograms of the answers generated for a job; reused ones cost nothing and are left out.

    `seconds` run from entering the engine to the end of the answer. `cut_off` answers ended at the limit.
    """

    model_config = ConfigDict(frozen=True)

    prompt_tokens: Histogram = Histogram()
    answer_tokens: Histogram = Histogram()
    seconds: Histogram = Histogram()
    cut_off: int = 0


class DeviceTime(BaseModel):
    """How long devices of one kind generated for a job; `workers` counts those that took part."""

    model_config = ConfigDict(frozen=True)

    device: str
    workers: int
    seconds: float
