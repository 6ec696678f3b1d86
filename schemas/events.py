"""The events that qwenq's services log: one a transition, told with ids and never with a document's text."""

from enum import StrEnum


class Event(StrEnum):
    """What a log line tells. docs/monitoring.md says of each what it means, and which facts come with it."""

    JOB_SUBMITTED = "job.submitted"
    JOB_STARTED = "job.started"
    JOB_COMPLETED = "job.completed"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    JOB_PAUSED = "job.paused"
    JOB_RESUMED = "job.resumed"
    JOB_RETRIED = "job.retried"
    JOB_PRUNED = "job.pruned"
    JOB_UNANNOUNCED = "job.unannounced"

    CHUNK_CLAIMED = "chunk.claimed"
    CHUNK_FINISHED = "chunk.finished"
    CHUNK_RELEASED = "chunk.released"
    CHUNK_DROPPED = "chunk.dropped"
    CHUNK_LOST = "chunk.lost"
    CHUNK_RESCUED = "chunk.rescued"
    CHUNK_HALVED = "chunk.halved"
    CHUNK_POISONED = "chunk.poisoned"
    CHUNK_STALLED = "chunk.stalled"
    CHUNK_INCOMPLETE = "chunk.incomplete"
    CHUNK_ABSENT = "chunk.absent"

    WORKER_STARTING = "worker.starting"
    WORKER_READY = "worker.ready"
    WORKER_STOPPING = "worker.stopping"
    WORKER_STOPPED = "worker.stopped"
    WORKER_FAILED = "worker.failed"
    WORKER_LEAVES = "worker.leaves"
    WORKER_KILLED = "worker.killed"

    TURN_BROKEN_OFF = "turn.broken_off"
    TURN_FAILED = "turn.failed"
    ENGINE_BROKE = "engine.broke"
    DUTY_FAILED = "duty.failed"
    REUSE_SKIPPED = "reuse.skipped"
    REVISION_UNKNOWN = "revision.unknown"

    STORE_AWAY = "store.away"
    STORE_BACK = "store.back"
    STORE_RECONCILED = "store.reconciled"
    BROKER_AWAY = "broker.away"
    BROKER_BACK = "broker.back"

    SERVICE_FAILED = "service.failed"

    RUN_DUE = "run.due"
    RUN_SUBMITTED = "run.submitted"
    RUN_SUCCEEDED = "run.succeeded"
    RUN_FAILED = "run.failed"
    RUN_SKIPPED = "run.skipped"
    RUN_PUT_OFF = "run.put_off"
    NOTICE_SENT = "notice.sent"
    NOTICE_REFUSED = "notice.refused"
    NOTICE_GIVEN_UP = "notice.given_up"
    SCHEDULES_TICKED = "schedules.ticked"
