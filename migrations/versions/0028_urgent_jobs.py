"""Jobs may be urgent: single requests of the HTTP service go before all others.

Revision: 0028, after 0027.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "jobs",
        sa.Column(
            "urgent",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="somebody waits for its answer: it goes before all others",
        ),
    )
