"""A batch may have rows or documents as its input, read with fields of its own.

Revision: 0029, after 0028.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    rows = sa.Column("rows", sa.Text(), comment="qwenq's own fields as JSON, if its input is rows")
    notes = sa.Column(
        "notes", sa.JSON(none_as_null=True), comment="what was found out of its rows: a list of lines"
    )
    for column in (rows, notes):
        op.add_column("api_batches", column)
