"""A run keeps what was found out about its inputs.

Revision: 0014, after 0013. Runs from before have no notes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "what was found out about its inputs, a line each"
    op.add_column("schedule_runs", sa.Column("notes", sa.Text(), comment=comment))
