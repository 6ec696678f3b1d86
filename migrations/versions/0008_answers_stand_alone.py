"""An answer refers to its document without a constraint: whoever writes it looks the document up anyway.

PostgreSQL locked the row of each answered document for that, which writes to it; this was a third of an answer's cost.
SQLite can only take a constraint away by copying the table.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Double(), "sqlite")
CONSTRAINT = "fk_results_job_id_seq"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _copy()
    else:
        op.drop_constraint(CONSTRAINT, "results", type_="foreignkey")


def _copy() -> None:
    op.drop_index("ix_results_fingerprint", "results")
    op.rename_table("results", "results_before")
    table = op.create_table(
        "results",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("chunk_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="the attempt of the chunk that answered"),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reasoning", sa.Text()),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("prefix_tokens", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("fingerprint", sa.LargeBinary()),
        sa.Column("reused_from", sa.BigInteger()),
        sa.Column("seconds", sa.Double()),
        sa.Column("parts", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.CheckConstraint("finish_reason IN ('stop', 'length')", name=op.f("ck_results_finish_reason")),
        sa.PrimaryKeyConstraint("job_id", "seq", name=op.f("pk_results")),
        sqlite_with_rowid=False,
    )
    columns = ", ".join(column.name for column in table.columns)
    op.execute(f"INSERT INTO results ({columns}) SELECT {columns} FROM results_before")  # noqa: S608
    op.drop_table("results_before")
    op.create_index(
        "ix_results_fingerprint",
        "results",
        ["fingerprint"],
        sqlite_where=sa.text("fingerprint IS NOT NULL"),
    )
