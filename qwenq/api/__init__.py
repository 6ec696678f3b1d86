"""qwenq's Python API: what the command line does, with typed results."""

from qwenq.api.answers import errors, history, parts, results
from qwenq.api.changing import cancel, pause, resume, retry
from qwenq.api.lines import Answers, Lines
from qwenq.api.running import run
from qwenq.api.standing import failure_reasons, jobs, metrics, status, wait
from qwenq.api.submitting import submit

__all__ = [
    "Answers",
    "Lines",
    "cancel",
    "errors",
    "failure_reasons",
    "history",
    "jobs",
    "metrics",
    "parts",
    "pause",
    "results",
    "resume",
    "retry",
    "run",
    "status",
    "submit",
    "wait",
]
