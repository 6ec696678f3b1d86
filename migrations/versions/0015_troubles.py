"""A worker says that it cannot reach the broker, and a job's last measurement is found at once.

Revision: 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "why it cannot reach the broker; null: it can"
    op.add_column("workers", sa.Column("broker_error", sa.Text(), comment=comment))
    op.create_index("ix_batches_job_id_finished_at", "batches", ["job_id", "finished_at"])
    op.drop_index("ix_batches_job_id", "batches")
