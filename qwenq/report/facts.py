"""The facts of a report: what `--json` prints and the page shows."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import JobStatus, Priority, PromptSpec
from qwenq.schemas.results import FinishReason
from qwenq.schemas.views.job_costs import DeviceTime, Distributions
from qwenq.schemas.views.job_pages import CutText, FailureGroup
from qwenq.schemas.views.progress import Progress

_FROZEN = ConfigDict(frozen=True)
MOST_SAMPLES = 100


class ReportOptions(BaseModel):
    """Options of a report. With `samples` 0, or without `show_text`, it holds no text of documents and prompts.

    Without `show_text` it has no ids of documents and no names of files and jobs either.

    The price is for an hour of one device, in `currency`.
    """

    model_config = _FROZEN

    samples: Annotated[int, Field(ge=0, le=MOST_SAMPLES)] = 5
    show_text: bool = True
    gpu_hour_price: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None
    currency: str = "USD"

    @property
    def with_text(self) -> bool:
        """Whether the report shows text of documents and prompts."""
        return self.show_text and self.samples > 0


class Asked(BaseModel):
    """What the job asks for. `prompt` is None if text is hidden; `sources` names only the first of many."""

    model_config = _FROZEN

    prompt: PromptSpec | None
    params: GenerationParams
    priority: Priority
    reuse: bool
    submitter: str | None
    sources: tuple[str, ...]
    source_count: int


class Cost(BaseModel):
    """The cost of the devices' time. `per_thousand` is the cost of a thousand answered documents."""

    model_config = _FROZEN

    gpu_hour_price: float
    currency: str
    amount: float
    per_thousand: float | None


class Sample(BaseModel):
    """A document and its answer, each maybe cut."""

    model_config = _FROZEN

    custom_id: str
    document: CutText
    answer: CutText
    finish_reason: FinishReason
    completion_tokens: int
    reused: bool


class Section(BaseModel):
    """An additional section of a report: facts by name. Schedules add what a run changed."""

    model_config = _FROZEN

    title: str
    facts: dict[str, str]
    note: str = ""


class Report(BaseModel):
    """One job at one moment. Times are UTC; `device_seconds` is the sum over `devices`."""

    model_config = _FROZEN

    made_at: datetime
    job: JobStatus
    asked: Asked
    failures: tuple[FailureGroup, ...]
    devices: tuple[DeviceTime, ...]
    device_seconds: float
    cost: Cost | None
    distributions: Distributions
    progress: Progress
    samples: tuple[Sample, ...]
    sections: tuple[Section, ...] = ()
