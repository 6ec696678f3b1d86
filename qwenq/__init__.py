"""qwenq: an asynchronous job queue for batch document processing with Qwen models.

    import qwenq

    for answer in qwenq.run([{"text": "…"}], model="Qwen/Qwen3-8B", prompt="Summarise: {{ text }}"):
        print(answer.custom_id, answer.text)

With a worker that keeps running (`qwenq up`):

    job = qwenq.submit("docs.jsonl", model="Qwen/Qwen3-8B", prompt="Summarise: {{ text }}")
    qwenq.wait(job.id)
    for result in qwenq.results(job.id):
        print(result.custom_id, result.text)

The settings are the same as on the command line: the environment, then qwenq.toml, then defaults. Every error is a
QwenqError.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwenq.api import (
        Answers,
        Lines,
        cancel,
        errors,
        failure_reasons,
        history,
        jobs,
        metrics,
        parts,
        pause,
        results,
        resume,
        retry,
        run,
        status,
        submit,
        wait,
    )
    from qwenq.schemas.errors import (
        BatchNotCancellable,
        BatchNotChangeable,
        BatchNotDeletable,
        BoundReached,
        BrokerAway,
        CannotListen,
        EngineBroken,
        FilesAway,
        HomeInUse,
        IdempotencyConflict,
        IdempotencyMismatch,
        InputTooLarge,
        InvalidCron,
        InvalidParameter,
        InvalidSetting,
        InvalidTemplate,
        JobGivenUp,
        JobNotCancellable,
        JobNotPausable,
        JobNotPaused,
        JobNotRetryable,
        MissingExtra,
        MissingPackage,
        ModelUnavailable,
        NoFlowerAddress,
        NoGoodRow,
        NoStoreHere,
        NothingFound,
        NothingToRetry,
        OutputNotWritable,
        OutsideRoots,
        QwenqError,
        RowsLost,
        RunNotDeliverable,
        RunNotStarted,
        ScheduleExists,
        ScheduleRemoved,
        SelfCheckFailed,
        ServiceAway,
        ServiceFailed,
        StoreAway,
        StoreNotCreated,
        StoreVersionMismatch,
        SubmitterLimit,
        TemplateChanged,
        TenantErasing,
        TenantExists,
        TenantInUse,
        TooManyInputs,
        UnguardedFlower,
        UnguardedService,
        UnknownColumn,
        UnknownDocument,
        UnknownFormat,
        UnknownJob,
        UnknownKey,
        UnknownProtocol,
        UnknownRun,
        UnknownSchedule,
        UnknownTemplate,
        UnknownTenant,
        UnknownTimezone,
        UnreadableInput,
        UnstorableText,
        UntrustedHome,
        UntrustedSettingsFile,
        UploadNotPending,
        UsageError,
        WaitTimeout,
        WeakPassword,
        WeightsChanged,
        WorkerGaveUp,
    )
    from qwenq.schemas.jobs import (
        JobFilter,
        JobOrder,
        JobStatus,
        Priority,
    )
    from qwenq.schemas.parts import PartLine
    from qwenq.schemas.results import (
        ErrorLine,
        HistoryLine,
        Result,
    )
    from qwenq.schemas.settings import Settings
    from qwenq.schemas.views.job_metrics import JobMetrics
    from qwenq.schemas.views.job_pages import FailureReasons

__all__ = [
    "Answers",
    "BatchNotCancellable",
    "BatchNotChangeable",
    "BatchNotDeletable",
    "BoundReached",
    "BrokerAway",
    "CannotListen",
    "EngineBroken",
    "ErrorLine",
    "FailureReasons",
    "FilesAway",
    "HistoryLine",
    "HomeInUse",
    "IdempotencyConflict",
    "IdempotencyMismatch",
    "InputTooLarge",
    "InvalidCron",
    "InvalidParameter",
    "InvalidSetting",
    "InvalidTemplate",
    "JobFilter",
    "JobGivenUp",
    "JobMetrics",
    "JobNotCancellable",
    "JobNotPausable",
    "JobNotPaused",
    "JobNotRetryable",
    "JobOrder",
    "JobStatus",
    "Lines",
    "MissingExtra",
    "MissingPackage",
    "ModelUnavailable",
    "NoFlowerAddress",
    "NoGoodRow",
    "NoStoreHere",
    "NothingFound",
    "NothingToRetry",
    "OutputNotWritable",
    "OutsideRoots",
    "PartLine",
    "Priority",
    "QwenqError",
    "Result",
    "RowsLost",
    "RunNotDeliverable",
    "RunNotStarted",
    "ScheduleExists",
    "ScheduleRemoved",
    "SelfCheckFailed",
    "ServiceAway",
    "ServiceFailed",
    "Settings",
    "StoreAway",
    "StoreNotCreated",
    "StoreVersionMismatch",
    "SubmitterLimit",
    "TemplateChanged",
    "TenantErasing",
    "TenantExists",
    "TenantInUse",
    "TooManyInputs",
    "UnguardedFlower",
    "UnguardedService",
    "UnknownColumn",
    "UnknownDocument",
    "UnknownFormat",
    "UnknownJob",
    "UnknownKey",
    "UnknownProtocol",
    "UnknownRun",
    "UnknownSchedule",
    "UnknownTemplate",
    "UnknownTenant",
    "UnknownTimezone",
    "UnreadableInput",
    "UnstorableText",
    "UntrustedHome",
    "UntrustedSettingsFile",
    "UploadNotPending",
    "UsageError",
    "WaitTimeout",
    "WeakPassword",
    "WeightsChanged",
    "WorkerGaveUp",
    "__version__",
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
__version__ = "0.1.0"
_HOMES = (
    "api",
    "schemas.errors",
    "schemas.jobs",
    "schemas.parts",
    "schemas.results",
    "schemas.settings",
    "schemas.views.job_metrics",
    "schemas.views.job_pages",
)
"""The modules of the public names. The function `errors` comes before the module of this name."""


def __getattr__(name: str) -> Any:
    """Import a public name on its first use, so that the command line, which is in this package, starts quickly."""
    if name in __all__:
        for home in _HOMES:
            found = getattr(import_module(f"qwenq.{home}"), name, None)
            if found is not None:
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, as a notebook completes them."""
    return list(__all__)
