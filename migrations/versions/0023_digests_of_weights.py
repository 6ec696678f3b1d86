"""Jobs and workers keep a digest of the files that decide answers, since a commit may change others alone.

Revision: 0023, after 0022.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

COMMENT = "of the model's files that decide answers; null: not known"


def upgrade() -> None:
    for table in ("jobs", "workers"):
        op.add_column(table, sa.Column("weights_digest", sa.Text(), comment=COMMENT))
