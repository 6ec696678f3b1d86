"""The first tables.

Revision: 0001, after nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Double(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, comment="place in the input, from 0"),
        sa.Column(
            "custom_id", sa.Text(), nullable=True, comment="null for a row that never became a document"
        ),
        sa.Column("source", sa.SmallInteger(), nullable=False, comment="index into jobs.sources"),
        sa.Column("line", sa.Integer(), nullable=False, comment="where the row starts in its source, from 1"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False, comment="the row as JSON; the raw text of a bad row"),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.CheckConstraint("(error_code IS NOT NULL) = (state = 'failed')", name=op.f("ck_documents_error")),
        sa.CheckConstraint(
            "state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_documents_state"),
        ),
        sa.PrimaryKeyConstraint("job_id", "seq", name=op.f("pk_documents")),
        sqlite_with_rowid=False,
    )
    op.create_index("uq_documents_custom_id", "documents", ["job_id", "custom_id"], unique=True)
    op.create_table(
        "jobs",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("prompt", sa.JSON(), nullable=False, comment="PromptSpec"),
        sa.Column("params", sa.JSON(), nullable=False, comment="GenerationParams"),
        sa.Column("sources", sa.JSON(), nullable=False, comment="names of the input files, in order"),
        sa.Column(
            "run_key",
            sa.Text(),
            nullable=True,
            comment="names the `qwenq run` that a later one may take up again",
        ),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("started_at", UTC_TIME, nullable=True, comment="first claim"),
        sa.Column("finished_at", UTC_TIME, nullable=True),
        sa.CheckConstraint(
            "(finished_at IS NULL) = (state NOT IN ('completed', 'failed', 'cancelled'))",
            name=op.f("ck_jobs_finished_at"),
        ),
        sa.CheckConstraint("priority IN ('high', 'normal', 'low')", name=op.f("ck_jobs_priority")),
        sa.CheckConstraint(
            "state IN ('validating', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_jobs_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_run_key", "jobs", ["run_key"], unique=False)
    op.create_index("ix_jobs_state", "jobs", ["state"], unique=False)
    op.create_table(
        "workers",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="Celery's node name"),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False, comment="the parent process"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("dtype", sa.Text(), nullable=True),
        sa.Column("context", sa.BigInteger(), nullable=True, comment="tokens"),
        sa.Column("parameters", sa.BigInteger(), nullable=True),
        sa.Column("loads", sa.Integer(), nullable=False, comment="how often its processes loaded the model"),
        sa.Column("load_seconds", sa.Double(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True, comment="why the model could not be loaded"),
        sa.Column("started_at", UTC_TIME, nullable=False),
        sa.Column("heartbeat_at", UTC_TIME, nullable=False),
        sa.CheckConstraint(
            "state IN ('starting', 'ready', 'stopping', 'stopped', 'failed')", name=op.f("ck_workers_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_index("ix_workers_heartbeat_at", "workers", ["heartbeat_at"], unique=False)
    op.create_table(
        "batches",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("chunk_id", sa.BigInteger(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("padded_tokens", sa.Integer(), nullable=False, comment="cells of the padded prompts"),
        sa.Column("new_tokens", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("tokens_per_second", sa.Double(), nullable=False),
        sa.Column("resident_bytes", sa.BigInteger(), nullable=False),
        sa.Column("gpu_peak_bytes", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", UTC_TIME, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_batches_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index("ix_batches_job_id", "batches", ["job_id"], unique=False)
    op.create_table(
        "chunks",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("first_seq", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "attempt", sa.Integer(), nullable=False, comment="the fence: only its newest attempt may write"
        ),
        sa.Column("crashes", sa.Integer(), nullable=False, comment="attempts that ended without a word"),
        sa.Column("worker_id", sa.BigInteger(), nullable=True),
        sa.Column("lease_expires_at", UTC_TIME, nullable=True),
        sa.Column("published_at", UTC_TIME, nullable=True, comment="when its message was last sent"),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("finished_at", UTC_TIME, nullable=True),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(state = 'running') = (lease_expires_at IS NOT NULL)", name=op.f("ck_chunks_lease")
        ),
        sa.CheckConstraint(
            "state <> 'done' OR succeeded + failed + cancelled = documents",
            name=op.f("ck_chunks_done_is_complete"),
        ),
        sa.CheckConstraint("state IN ('queued', 'running', 'done')", name=op.f("ck_chunks_state")),
        sa.CheckConstraint("documents = last_seq - first_seq + 1", name=op.f("ck_chunks_documents")),
        sa.CheckConstraint("first_seq <= last_seq", name=op.f("ck_chunks_range")),
        sa.CheckConstraint("succeeded + failed + cancelled <= documents", name=op.f("ck_chunks_outcomes")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_chunks_job_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_chunks_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chunks")),
    )
    op.create_index("ix_chunks_state_lease_expires_at", "chunks", ["state", "lease_expires_at"], unique=False)
    op.create_index("uq_chunks_job_id_first_seq", "chunks", ["job_id", "first_seq"], unique=True)
    op.create_table(
        "results",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("chunk_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="the attempt of the chunk that answered"),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reasoning", sa.Text(), nullable=True),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.CheckConstraint("finish_reason IN ('stop', 'length')", name=op.f("ck_results_finish_reason")),
        sa.ForeignKeyConstraint(
            ["job_id", "seq"],
            ["documents.job_id", "documents.seq"],
            name=op.f("fk_results_job_id_seq"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job_id", "seq", name=op.f("pk_results")),
        sqlite_with_rowid=False,
    )
