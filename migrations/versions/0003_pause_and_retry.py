"""What a paused job goes back to, the time in which nothing of a job ran, and failures that were tried again.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Double(), "sqlite")


def upgrade() -> None:
    # A check that comes with its column: SQLite adds no other to a table that is there.
    paused = sa.CheckConstraint(
        "(paused_from IS NOT NULL) = (state = 'paused')", name=op.f("ck_jobs_paused_from")
    )
    op.add_column(
        "jobs", sa.Column("paused_from", sa.Text(), paused, comment="the state that `resume` goes back to")
    )
    op.add_column(
        "jobs",
        sa.Column(
            "idle_since",
            UTC_TIME,
            comment="when it was paused while it ran, or had ended before it was retried",
        ),
    )
    op.add_column(
        "jobs",
        sa.Column(
            "idle_seconds",
            sa.Double(),
            nullable=False,
            server_default=sa.text("0"),
            comment="of the time from started_at on: in which it was not to run",
        ),
    )
    op.create_table(
        "failures",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False, comment="the document's own, from 1"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("failed_at", UTC_TIME, nullable=False, comment="when its chunk was done"),
        sa.ForeignKeyConstraint(
            ["job_id", "seq"],
            ["documents.job_id", "documents.seq"],
            name=op.f("fk_failures_job_id_seq"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job_id", "seq", "round", name=op.f("pk_failures")),
        sqlite_with_rowid=False,
    )
