"""Chunks count the answers that were cut at their limit of tokens, and those that are empty.

Revision: 0012, after 0011. Answers from before are not counted: that would read them all.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_COMMENTS = {
    "cut": "of `succeeded`: ended at its limit of tokens",
    "empty": "of `succeeded`: without text",
}


def upgrade() -> None:
    # With a default of the database's own, no table is written anew, however large it is.
    for name, comment in _COMMENTS.items():
        column = sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text("0"), comment=comment)
        op.add_column("chunks", column)
