"""Who submitted a job, how long an answer took, what a worker holds, and indexes to watch all of it by.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FAILED = sa.text("error_code IS NOT NULL")
POISON = sa.text("error_code = 'poison'")

ADDED: dict[str, tuple[str, ...]] = {
    "jobs": ("submitter",),
    "workers": ("resident_bytes", "gpu_bytes", "gpu_total_bytes", "check_tokens_per_second"),
    "results": ("seconds",),
    "chunks": ("rescues",),
    "batches": ("together", "answer_seconds"),
}


def upgrade() -> None:
    op.add_column("jobs", sa.Column("submitter", sa.Text(), comment="user@host"))
    for column in (
        sa.Column(
            "resident_bytes", sa.BigInteger(), comment="of the working process, when it was last heard of"
        ),
        sa.Column("gpu_bytes", sa.BigInteger(), comment="taken on its GPU, by whomever"),
        sa.Column("gpu_total_bytes", sa.BigInteger(), comment="what its GPU has"),
        sa.Column("check_tokens_per_second", sa.Double(), comment="of the short generation at its start"),
    ):
        op.add_column("workers", column)
    op.add_column(
        "results", sa.Column("seconds", sa.Double(), comment="from entering the engine to the answer's end")
    )
    op.add_column(
        "chunks",
        sa.Column(
            "rescues",
            sa.Integer(),
            nullable=False,
            server_default=sa.text("0"),
            comment="attempts that were put back",
        ),
    )
    op.add_column(
        "batches",
        sa.Column(
            "together",
            sa.Double(),
            nullable=False,
            server_default=sa.text("0"),
            comment="documents at once, on average",
        ),
    )
    op.add_column("batches", sa.Column("answer_seconds", sa.JSON(), comment="AnswerSeconds"))
    op.create_index("ix_jobs_model_id", "jobs", ["model", "id"], unique=False)
    op.create_index("ix_jobs_finished_at", "jobs", ["finished_at"], unique=False)
    op.create_index(
        "ix_documents_poison",
        "documents",
        ["job_id"],
        unique=False,
        sqlite_where=POISON,
        postgresql_where=POISON,
    )
    op.create_index(
        "ix_documents_job_id_error_code",
        "documents",
        ["job_id", "error_code", "seq"],
        unique=False,
        sqlite_where=FAILED,
        postgresql_where=FAILED,
    )
    op.create_index("ix_batches_worker_id_finished_at", "batches", ["worker_id", "finished_at"], unique=False)
