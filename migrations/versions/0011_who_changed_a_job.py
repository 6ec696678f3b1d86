"""A job names who paused, resumed, cancelled or retried it last.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Double(), "sqlite")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("last_change", sa.Text(), comment="JobChange"))
    op.add_column("jobs", sa.Column("changed_by", sa.Text(), comment="a visitor of Flower, or user@host"))
    op.add_column("jobs", sa.Column("changed_at", UTC_TIME))
