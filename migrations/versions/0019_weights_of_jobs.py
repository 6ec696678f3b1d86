"""A job keeps the revision of the model that began it, and whether other weights may go on with it.

Revision: 0019, after 0018.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("revision", sa.Text(), comment="of the model of its first claim; null: not known")
    )
    op.add_column(
        "jobs",
        sa.Column(
            "mixed_weights",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="workers with other revisions may go on with it",
        ),
    )
