"""Tenants and keys have bounds, tenants may have documents sanitized, and what each used is kept by day.

Revision: 0027, after 0026.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

COUNTED = {
    "answers": "reused ones included",
    "failures": "documents that failed at a worker",
    "reused": "of `answers`: answered from the store",
    "prompt_tokens": "of answers",
    "prefix_tokens": "of `prompt_tokens`: read from a shared prefix",
    "completion_tokens": "of answers, reasoning included",
    "reasoning_tokens": "of `completion_tokens`",
}


def upgrade() -> None:
    op.add_column("tenants", sa.Column("bounds", sa.JSON(), comment="those set: a number, or null for off"))
    op.add_column(
        "tenants",
        sa.Column(
            "sanitizes",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="whether markup that could run in a browser is taken out of its documents",
        ),
    )
    op.add_column("api_keys", sa.Column("bounds", sa.JSON(), comment="those set: a number"))
    _add_counter("files", "lines", "blank ones included")
    _add_counter("api_batches", "reserved", "its documents, which count as waiting until its job is stored")
    op.add_column(
        "api_batches", sa.Column("terms", sa.JSON(), comment="of its tenant and key when it was created")
    )
    op.add_column(
        "api_batches",
        sa.Column("sanitized", sa.JSON(), comment="Sanitized: what was taken out of its documents"),
    )
    op.add_column(
        "jobs", sa.Column("owner", sa.Text(), comment="whose it is in its tenant, if it came over HTTP")
    )
    op.create_index("ix_jobs_tenant_id", "jobs", ["tenant", "id"], unique=False)
    op.create_table(
        "usage",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False, comment="in UTC: 2026-11-30"),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        *(_counter(name, comment) for name, comment in COUNTED.items()),
        sa.Column("device_seconds", sa.Double(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("tenant", "day", "owner", "model", "worker_id", name=op.f("pk_usage")),
    )


def _counter(name: str, comment: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0"), comment=comment)


def _add_counter(table: str, name: str, comment: str) -> None:
    op.add_column(table, _counter(name, comment))
