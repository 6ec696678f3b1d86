"""A run of a schedule counts the processes that died with it, so that hostile inputs are not read for ever.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "schedule_runs",
        sa.Column(
            "crashes",
            sa.Integer(),
            nullable=False,
            server_default=sa.text("0"),
            comment="processes that died while they read its inputs, or later while they wrote its answers",
        ),
    )
