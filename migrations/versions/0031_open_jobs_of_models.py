"""A model's open jobs are found by an index, however many have ended: each single request is a job.

Revision: 0031, after 0030.
"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_jobs_state_model", "jobs", ["state", "model"], unique=False)
    op.drop_index("ix_jobs_state", "jobs")
