"""The events that notices tell: the end of a run, the end of a job. They contain no text of documents."""

from collections.abc import Mapping
from typing import Any

import orjson

from qwenq.schemas.jobs import DocumentCounts, JobStatus
from qwenq.schemas.schedules import HeldRun, RunOutcome
from qwenq.schemas.settings import Settings

_OF_ANSWERS = {"cut", "empty", "reasoning_cut", "reasoning_ended"}


def run_event(held: HeldRun, outcome: RunOutcome, counts: DocumentCounts | None, settings: Settings) -> str:
    """The JSON of a run's end; `counts` are those of its job."""
    run = held.run
    facts = {
        "schedule": held.schedule.name,
        "run": run.id,
        "due_at": run.due_at.isoformat(),
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "job": run.job_id,
        "link": _link(settings, run.job_id),
        **outcome.model_dump(mode="json"),
        **(counts.model_dump(include=_OF_ANSWERS) if counts else {}),
    }
    return _json(f"run.{outcome.state}", facts)


def job_event(status: JobStatus, settings: Settings) -> str:
    """The JSON of a job's end. Its name is left out if names are hidden."""
    facts = {
        "job": status.id,
        "name": status.name if settings.show_text else None,
        "state": status.state,
        "model": status.model,
        "link": _link(settings, status.id),
        "started_at": status.started_at.isoformat() if status.started_at else None,
        "finished_at": status.finished_at.isoformat() if status.finished_at else None,
        "documents": status.documents.total,
        "failed": status.documents.failed,
        "reused": status.documents.reused,
        "cancelled": status.documents.cancelled,
        **status.documents.model_dump(include=_OF_ANSWERS),
        "prompt_tokens": status.usage.prompt_tokens,
        "completion_tokens": status.usage.completion_tokens,
    }
    return _json(f"job.{status.state}", facts)


def _link(settings: Settings, job_id: int | None) -> str | None:
    """The address of the job's page, if QWENQ_FLOWER_URL says where Flower is."""
    if settings.flower_url is None or job_id is None:
        return None
    return f"{settings.flower_url.rstrip('/')}/jobs/{job_id}"


def _json(kind: str, facts: Mapping[str, Any]) -> str:
    return orjson.dumps({"type": kind, "data": facts}).decode()
