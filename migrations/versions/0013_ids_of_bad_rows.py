"""A bad row keeps the id that it shows.

Revision: 0013, after 0012. Bad rows from before show none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "the id that a bad row shows; it need not be unique"
    op.add_column("documents", sa.Column("shown_id", sa.Text(), comment=comment))
