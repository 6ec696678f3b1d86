"""A job keeps the parameters of its submit when a retry changes them.

Revision: 0022, after 0021.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("first_params", sa.JSON(), comment="those of its submit, if a retry changed them")
    )
