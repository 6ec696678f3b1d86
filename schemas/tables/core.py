"""The SQL tables of jobs, documents, chunks, results and workers, and the version of them all."""

from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from qwenq.schemas.jobs import Priority
from qwenq.schemas.results import FinishReason
from qwenq.schemas.states import ChunkState, JobState, StoredDocumentState, WorkerState
from qwenq.schemas.tables.columns import AnswerText, BigId, UtcTime

SCHEMA_VERSION = "0031"
"""The newest migration: the version that this code needs."""
_WEIGHTS_DIGEST = "of the model's files that decide answers; null: not known"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, values: type[StrEnum], *, name: str) -> CheckConstraint:
    """A check that a column holds one of these values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


def count(name: str, comment: str) -> Column[int]:
    """A column that counts from 0."""
    return Column(name, Integer, nullable=False, server_default=text("0"), comment=comment)


jobs = Table(
    "jobs",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("prompt", JSON, nullable=False, comment="PromptSpec"),
    Column("params", JSON, nullable=False, comment="GenerationParams"),
    Column("first_params", JSON(none_as_null=True), comment="those of its submit, if a retry changed them"),
    Column("sources", JSON, nullable=False, comment="names of the input files, in order"),
    Column("run_key", Text, comment="names a one-shot, so that the same command goes on with it"),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime, comment="first claim"),
    Column("finished_at", UtcTime),
    Column("paused_from", Text, comment="the state that `resume` goes back to"),
    Column(
        "idle_since", UtcTime, comment="when it was paused while running, or when it ended before a retry"
    ),
    Column(
        "idle_seconds",
        Double,
        nullable=False,
        server_default=text("0"),
        comment="seconds since started_at in which it could not run",
    ),
    Column("idempotency_key", Text, comment="names the request, so that it is stored once"),
    Column("input_digest", Text, comment="SHA-256 of its rows, if it has a key"),
    Column("holder", Text, comment="while validating: fence of the process that stores or removes it"),
    Column("holder_expires_at", UtcTime, comment="lease of that process"),
    Column("reuse", Boolean, nullable=False, server_default=text("false")),
    Column("revision", Text, comment="of the model of its first claim; null: not known"),
    Column(
        "mixed_weights",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="workers with other revisions may go on with it",
    ),
    Column("submitter", Text, comment="user@host"),
    Column("last_change", Text, comment="JobChange"),
    Column("changed_by", Text, comment="a visitor of Flower, or user@host"),
    Column("changed_at", UtcTime),
    Column("tenant", Text, nullable=False, server_default="local"),
    Column(
        "urgent",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="somebody waits for its answer: it goes before all others",
    ),
    Column("weights_digest", Text, comment=_WEIGHTS_DIGEST),
    Column("owner", Text, comment="whose it is in its tenant, if it came over HTTP"),
    one_of("state", JobState, name="state"),
    one_of("priority", Priority, name="priority"),
    CheckConstraint(
        "(finished_at IS NULL) = (state NOT IN ('completed', 'failed', 'cancelled'))",
        name="finished_at",
    ),
    CheckConstraint("(paused_from IS NOT NULL) = (state = 'paused')", name="paused_from"),
    Index("ix_jobs_state_model", "state", "model"),
    Index("ix_jobs_model_id", "model", "id"),
    Index("ix_jobs_tenant_id", "tenant", "id"),
    Index("ix_jobs_run_key", "run_key"),
    Index("ix_jobs_finished_at", "finished_at"),
    Index("uq_jobs_idempotency_key", "idempotency_key", unique=True),
)

documents = Table(
    "documents",
    metadata,
    Column("job_id", BigInteger, nullable=False),
    Column("seq", Integer, nullable=False, comment="place in the input, from 0"),
    Column("custom_id", Text, comment="null for a row that never became a document"),
    Column("source", SmallInteger, nullable=False, comment="index into jobs.sources"),
    Column("line", Integer, nullable=False, comment="where the row starts in its source, from 1"),
    Column(
        "state", Text, nullable=False, comment="pending until it fails or is cancelled, also when answered"
    ),
    Column("content", Text, nullable=False, comment="the row as JSON; the raw text of a bad row"),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("shown_id", Text, comment="the id that a bad row shows; it need not be unique"),
    PrimaryKeyConstraint("job_id", "seq"),
    one_of("state", StoredDocumentState, name="state"),
    CheckConstraint("(error_code IS NOT NULL) = (state = 'failed')", name="error"),
    Index("uq_documents_custom_id", "job_id", "custom_id", unique=True),
    Index(
        "ix_documents_job_id_error_code",
        "job_id",
        "error_code",
        "seq",
        sqlite_where=text("error_code IS NOT NULL"),
        postgresql_where=text("error_code IS NOT NULL"),
    ),
    Index(
        "ix_documents_poison",
        "job_id",
        sqlite_where=text("error_code = 'poison'"),
        postgresql_where=text("error_code = 'poison'"),
    ),
    # Clustered by (job_id, seq): a chunk is one range of the table itself.
    sqlite_with_rowid=False,
)

workers = Table(
    "workers",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Text, nullable=False, comment="Celery's node name"),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False, comment="the parent process"),
    Column("state", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("device", Text),
    Column("dtype", Text),
    Column("context", BigInteger, comment="tokens"),
    Column("parameters", BigInteger),
    Column("loads", Integer, nullable=False, comment="how often its processes loaded the model"),
    Column("load_seconds", Double),
    Column("load_stage", Text, comment="LoadStage, until the model is loaded"),
    Column("load_bytes", BigInteger, comment="done of this stage"),
    Column("load_total_bytes", BigInteger, comment="of this stage, if known"),
    Column("load_seconds_left", Double, comment="of this stage, about"),
    Column("revision", Text, comment="of the model: the hub's commit, or a digest of the folder"),
    Column("error", Text, comment="why the model could not be loaded"),
    Column("broker_error", Text, comment="why it cannot reach the broker; null: it can"),
    Column("started_at", UtcTime, nullable=False),
    Column("heartbeat_at", UtcTime, nullable=False),
    Column("resident_bytes", BigInteger, comment="memory of the working process at the last heartbeat"),
    Column("gpu_bytes", BigInteger, comment="memory in use on its GPU, by all processes"),
    Column("gpu_total_bytes", BigInteger, comment="memory of its GPU"),
    Column("check_tokens_per_second", Double, comment="speed of the self-check after loading"),
    Column("weights_digest", Text, comment=_WEIGHTS_DIGEST),
    one_of("state", WorkerState, name="state"),
    Index("ix_workers_heartbeat_at", "heartbeat_at"),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("job_id", BigInteger, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("first_seq", Integer, nullable=False),
    Column("last_seq", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False, comment="the fence: only its newest attempt may write"),
    Column("crashes", Integer, nullable=False, comment="rescues since the last outcome"),
    Column("worker_id", BigInteger, ForeignKey("workers.id")),
    Column("lease_expires_at", UtcTime),
    Column("published_at", UtcTime, comment="when it was last announced; null: not since it was queued"),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("documents", Integer, nullable=False),
    Column("succeeded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("prefix_tokens", BigInteger, nullable=False, server_default=text("0")),
    count("reused", "of `succeeded`: answered from the store"),
    count("cut", "of `succeeded`: ended at its limit of tokens"),
    count("empty", "of `succeeded`: without text"),
    count("reasoning_cut", "of `empty`: the limit of tokens ended the reasoning"),
    count("reasoning_ended", "of `empty`: the model ended with its reasoning"),
    count("rescues", "how often it was rescued"),
    one_of("state", ChunkState, name="state"),
    CheckConstraint("first_seq <= last_seq", name="range"),
    CheckConstraint("documents = last_seq - first_seq + 1", name="documents"),
    CheckConstraint("succeeded + failed + cancelled <= documents", name="outcomes"),
    CheckConstraint("state <> 'done' OR succeeded + failed + cancelled = documents", name="done_is_complete"),
    CheckConstraint("(state = 'running') = (lease_expires_at IS NOT NULL)", name="lease"),
    CheckConstraint("reused <= succeeded", name="reused"),
    Index("uq_chunks_job_id_first_seq", "job_id", "first_seq", unique=True),
    Index("ix_chunks_job_id_state_first_seq", "job_id", "state", "first_seq"),
    Index("ix_chunks_state_lease_expires_at", "state", "lease_expires_at"),
    Index("ix_chunks_worker_id", "worker_id"),
)

results = Table(
    "results",
    metadata,
    Column("job_id", BigInteger, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("chunk_id", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False, comment="the attempt of the chunk that answered"),
    Column("worker_id", BigInteger, nullable=False),
    Column("text", AnswerText, nullable=False),
    Column("reasoning", AnswerText),
    Column("finish_reason", Text, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("reasoning_tokens", Integer, nullable=False),
    Column("prefix_tokens", Integer, nullable=False, server_default=text("0")),
    Column("fingerprint", LargeBinary, comment="SHA-256 of all that decides the answer, if it may be reused"),
    Column("reused_from", BigInteger, comment="the job that this answer was generated for, if not this one"),
    Column("created_at", UtcTime, nullable=False),
    Column("seconds", Double, comment="from entering the engine to the end of the answer"),
    Column(
        "parts",
        Integer,
        nullable=False,
        server_default=text("1"),
        comment="how many parts the document was cut into",
    ),
    # No foreign key: PostgreSQL would write to each answered document to lock it. Only the holder of a chunk writes its
    # answers, and checks that the document waits; a job is removed only while no worker holds a chunk of it.
    PrimaryKeyConstraint("job_id", "seq"),
    CheckConstraint(
        f"finish_reason IN ('{FinishReason.STOP}', '{FinishReason.LENGTH}')", name="finish_reason"
    ),
    # Only answers that may be reused: an index over random numbers costs more to write than the answers.
    Index(
        "ix_results_fingerprint",
        "fingerprint",
        sqlite_where=text("fingerprint IS NOT NULL"),
        postgresql_where=text("fingerprint IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

failures = Table(
    "failures",
    metadata,
    Column("job_id", BigInteger, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("round", Integer, nullable=False, comment="the document's own, from 1"),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("failed_at", UtcTime, nullable=False, comment="when its chunk was done"),
    PrimaryKeyConstraint("job_id", "seq", "round"),
    ForeignKeyConstraint(["job_id", "seq"], ["documents.job_id", "documents.seq"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

batches = Table(
    "batches",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("job_id", BigInteger, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("chunk_id", BigInteger, nullable=False),
    Column("worker_id", BigInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("padded_tokens", Integer, nullable=False, comment="cells of the padded prompts"),
    Column("prefix_tokens", Integer, nullable=False, server_default=text("0")),
    Column("new_tokens", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("tokens_per_second", Double, nullable=False),
    Column("resident_bytes", BigInteger, nullable=False),
    Column("gpu_peak_bytes", BigInteger, nullable=False),
    Column("finished_at", UtcTime, nullable=False),
    Column(
        "together", Double, nullable=False, server_default=text("0"), comment="documents at once, on average"
    ),
    Column("answer_seconds", JSON, comment="AnswerSeconds"),
    Index("ix_batches_job_id_finished_at", "job_id", "finished_at"),
    Index("ix_batches_worker_id_finished_at", "worker_id", "finished_at"),
)
