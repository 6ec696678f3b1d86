"""The SQL tables of schedules: what is to run when, what ran, and which notices are due."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from qwenq.schemas.states import NoticeState, RunState, ScheduleState
from qwenq.schemas.tables.columns import BigId, UtcTime
from qwenq.schemas.tables.core import metadata, one_of

schedules = Table(
    "schedules",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("cron", Text, nullable=False),
    Column("timezone", Text, nullable=False, comment="an IANA name"),
    Column("request", JSON, nullable=False, comment="what is submitted: ScheduledRequest"),
    Column("policy", JSON, nullable=False, comment="catch-up, overlap, delivery: RunPolicy"),
    Column("submitter", Text, comment="user@host"),
    Column("created_at", UtcTime, nullable=False),
    Column("next_due_at", UtcTime, nullable=False, comment="the first due time that has no run yet"),
    Column("removed_at", UtcTime, comment="when a person removed it; its runs stay until they are pruned"),
    one_of("state", ScheduleState, name="state"),
    Index("uq_schedules_name", "name", unique=True),
    Index("ix_schedules_state_next_due_at", "state", "next_due_at"),
)

schedule_runs = Table(
    "schedule_runs",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("schedule_id", BigInteger, ForeignKey("schedules.id", ondelete="CASCADE"), nullable=False),
    Column("due_at", UtcTime, nullable=False, comment="of a run begun by hand: when it began"),
    Column("state", Text, nullable=False),
    Column("job_id", BigInteger, ForeignKey("jobs.id", ondelete="SET NULL")),
    Column("holder", Text, comment="fence of the process that carries it out"),
    Column("holder_expires_at", UtcTime, comment="lease of that process"),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("documents", Integer, comment="documents of its job at its end; the job may be pruned later"),
    Column("failed", Integer),
    Column("reused", Integer),
    Column("prompt_tokens", BigInteger),
    Column("completion_tokens", BigInteger),
    Column("device_seconds", Double),
    Column("output", Text, comment="where its answers are"),
    Column("notes", Text, comment="what was found out about its inputs, a line each"),
    Column(
        "crashes",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="processes that died while they read its inputs, or later while they wrote its answers",
    ),
    Column("error_code", Text, comment="why it failed or was skipped"),
    Column("error_message", Text),
    Column("begun_by", Text, comment="who began it by hand"),
    Column(
        "repeats_due_at", UtcTime, comment="due time of the run that it repeats; its files are named after it"
    ),
    Column(
        "deliveries",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="how often its answers were delivered, or failed to be",
    ),
    Column("deliver_at", UtcTime, comment="when its answers are delivered again"),
    one_of("state", RunState, name="state"),
    CheckConstraint(
        "(finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'skipped'))", name="finished_at"
    ),
    CheckConstraint("(holder IS NULL) = (holder_expires_at IS NULL)", name="holder"),
    Index("uq_schedule_runs_schedule_id_due_at", "schedule_id", "due_at", unique=True),
    Index("ix_schedule_runs_state", "state"),
    Index("ix_schedule_runs_job_id", "job_id"),
    Index("ix_schedule_runs_deliver_at", "deliver_at"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("key", Text, nullable=False, comment="names the event: the same for each attempt"),
    Column("url", Text, nullable=False, comment="where to: https:, slack:https:, teams:https: or mailto:"),
    Column("body", Text, nullable=False, comment="the event as JSON; a plain webhook gets it byte for byte"),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcTime, nullable=False),
    Column("error", Text, comment="why the last attempt failed"),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("tenant", Text, comment="whose secret signs it; null: that of the settings"),
    one_of("state", NoticeState, name="state"),
    Index("uq_notices_key_url", "key", "url", unique=True),
    Index("ix_notices_state_next_attempt_at", "state", "next_attempt_at"),
)

job_notices = Table(
    "job_notices",
    metadata,
    Column("job_id", BigInteger, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("url", Text, primary_key=True, comment="where a notice goes when the job has ended"),
    Column("made_at", UtcTime, comment="when its notice was made; null: the job has not ended since"),
    Index("ix_job_notices_made_at", "made_at"),
)
