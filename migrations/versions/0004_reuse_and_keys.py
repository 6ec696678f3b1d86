"""Who stores a job, keys that name a request, answers that are reused, the revision of a worker's model.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Double(), "sqlite")
REUSABLE = sa.text("fingerprint IS NOT NULL")

ADDED: dict[str, tuple[str, ...]] = {
    "jobs": ("idempotency_key", "input_digest", "holder", "holder_expires_at", "reuse"),
    "workers": ("revision",),
    "chunks": ("reused",),
    "results": ("fingerprint", "reused_from"),
}


def upgrade() -> None:
    key = sa.Column("idempotency_key", sa.Text(), comment="names the request, so that it is stored once")
    digest = sa.Column("input_digest", sa.Text(), comment="SHA-256 of its rows, where it has a key")
    holder = sa.Column(
        "holder", sa.Text(), comment="while it is validating: the fence of who stores or removes it"
    )
    expires_at = sa.Column("holder_expires_at", UTC_TIME, comment="that one's lease")
    reuse: sa.Column[bool] = sa.Column("reuse", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    for column in (key, digest, holder, expires_at, reuse):
        op.add_column("jobs", column)
    op.create_index("uq_jobs_idempotency_key", "jobs", ["idempotency_key"], unique=True)
    op.add_column(
        "workers",
        sa.Column("revision", sa.Text(), comment="of the model: the hub's commit, or a digest of the folder"),
    )
    op.add_column(
        "chunks",
        sa.Column(
            "reused",
            sa.Integer(),
            sa.CheckConstraint("reused <= succeeded", name=op.f("ck_chunks_reused")),
            nullable=False,
            server_default=sa.text("0"),
            comment="of `succeeded`: without generating",
        ),
    )
    op.create_index("ix_chunks_worker_id", "chunks", ["worker_id"], unique=False)
    op.add_column(
        "results",
        sa.Column(
            "fingerprint",
            sa.LargeBinary(),
            comment="SHA-256 of all that decides the answer, where it may be reused",
        ),
    )
    op.add_column(
        "results",
        sa.Column(
            "reused_from",
            sa.BigInteger(),
            comment="the job whose answer this is, where none was generated",
        ),
    )
    op.create_index(
        "ix_results_fingerprint",
        "results",
        ["fingerprint"],
        unique=False,
        sqlite_where=REUSABLE,
        postgresql_where=REUSABLE,
    )
