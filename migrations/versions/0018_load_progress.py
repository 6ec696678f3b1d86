"""A worker notes how far the download and loading of its model are.

Revision: 0018, after 0017.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "workers", sa.Column("load_stage", sa.Text(), comment="LoadStage, until the model is loaded")
    )
    op.add_column("workers", sa.Column("load_bytes", sa.BigInteger(), comment="done of this stage"))
    op.add_column(
        "workers", sa.Column("load_total_bytes", sa.BigInteger(), comment="of this stage, if known")
    )
    op.add_column("workers", sa.Column("load_seconds_left", sa.Double(), comment="of this stage, about"))
