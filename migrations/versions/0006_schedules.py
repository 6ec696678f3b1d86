"""Schedules, their runs, notices to webhooks, and the parts of long documents.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Double(), "sqlite")
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_schedules()
    _create_schedule_runs()
    _create_notices()
    _create_parts()


def _create_schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False, comment="an IANA name"),
        sa.Column("request", sa.JSON(), nullable=False, comment="what is submitted: ScheduledRequest"),
        sa.Column("policy", sa.JSON(), nullable=False, comment="catch-up, overlap, delivery: RunPolicy"),
        sa.Column("submitter", sa.Text(), comment="user@host"),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("next_due_at", UTC_TIME, nullable=False, comment="the first due time that has no run yet"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
        sa.CheckConstraint("state IN ('active', 'paused')", name=op.f("ck_schedules_state")),
    )
    op.create_index("uq_schedules_name", "schedules", ["name"], unique=True)
    op.create_index("ix_schedules_state_next_due_at", "schedules", ["state", "next_due_at"], unique=False)


def _create_schedule_runs() -> None:
    op.create_table(
        "schedule_runs",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("schedule_id", sa.BigInteger(), nullable=False),
        sa.Column("due_at", UTC_TIME, nullable=False, comment="of one that a person began: when"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("job_id", sa.BigInteger()),
        sa.Column("holder", sa.Text(), comment="the fence of the process that is at it"),
        sa.Column("holder_expires_at", UTC_TIME, comment="that one's lease"),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("started_at", UTC_TIME),
        sa.Column("finished_at", UTC_TIME),
        sa.Column(
            "documents", sa.Integer(), comment="of its job, when that had ended; the job may be pruned later"
        ),
        sa.Column("failed", sa.Integer()),
        sa.Column("reused", sa.Integer()),
        sa.Column("prompt_tokens", sa.BigInteger()),
        sa.Column("completion_tokens", sa.BigInteger()),
        sa.Column("device_seconds", sa.Double()),
        sa.Column("output", sa.Text(), comment="where its answers are"),
        sa.Column("error_code", sa.Text(), comment="why it failed or was skipped"),
        sa.Column("error_message", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_runs")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("fk_schedule_runs_schedule_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_schedule_runs_job_id"), ondelete="SET NULL"
        ),
        sa.CheckConstraint(
            "state IN ('due', 'running', 'succeeded', 'failed', 'skipped')",
            name=op.f("ck_schedule_runs_state"),
        ),
        sa.CheckConstraint(
            "(finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'skipped'))",
            name=op.f("ck_schedule_runs_finished_at"),
        ),
        sa.CheckConstraint(
            "(holder IS NULL) = (holder_expires_at IS NULL)", name=op.f("ck_schedule_runs_holder")
        ),
    )
    op.create_index(
        "uq_schedule_runs_schedule_id_due_at", "schedule_runs", ["schedule_id", "due_at"], unique=True
    )
    op.create_index("ix_schedule_runs_state", "schedule_runs", ["state"], unique=False)
    op.create_index("ix_schedule_runs_job_id", "schedule_runs", ["job_id"], unique=False)


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="names the event: the same for each attempt"),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="the JSON that is sent, byte for byte"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UTC_TIME, nullable=False),
        sa.Column("error", sa.Text(), comment="why the last attempt failed"),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("finished_at", UTC_TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed')", name=op.f("ck_notices_state")),
    )
    op.create_index("uq_notices_key", "notices", ["key"], unique=True)
    op.create_index("ix_notices_state_next_attempt_at", "notices", ["state", "next_attempt_at"], unique=False)


def _create_parts() -> None:
    op.add_column(
        "results",
        sa.Column(
            "parts",
            sa.Integer(),
            nullable=False,
            server_default=sa.text("1"),
            comment="that the document was cut into",
        ),
    )
    op.create_table(
        "parts",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column(
            "level",
            sa.SmallInteger(),
            nullable=False,
            comment="0: of the document; above: some answers merged",
        ),
        sa.Column("part", sa.Integer(), nullable=False, comment="its place in the level, from 0"),
        sa.Column("first_char", sa.Integer(), nullable=False, comment="of the document's text, from 0"),
        sa.Column("last_char", sa.Integer(), nullable=False, comment="included"),
        sa.Column("text", sa.Text(), nullable=False, comment="the answer"),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=False),
        sa.Column("prefix_tokens", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "seq", "level", "part", name=op.f("pk_parts")),
        sa.ForeignKeyConstraint(
            ["job_id", "seq"],
            ["documents.job_id", "documents.seq"],
            name=op.f("fk_parts_job_id_seq"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("finish_reason IN ('stop', 'length')", name=op.f("ck_parts_finish_reason")),
        sa.CheckConstraint("first_char <= last_char", name=op.f("ck_parts_range")),
        sqlite_with_rowid=False,
    )
