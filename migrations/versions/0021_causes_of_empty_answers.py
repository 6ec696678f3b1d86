"""Chunks count apart why answers are empty.

Revision: 0021, after 0020. Answers from before stay counted as empty, without a cause: that would read them all.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_COMMENTS = {
    "reasoning_cut": "of `empty`: the limit of tokens ended the reasoning",
    "reasoning_ended": "of `empty`: the model ended with its reasoning",
}


def upgrade() -> None:
    for name, comment in _COMMENTS.items():
        column = sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text("0"), comment=comment)
        op.add_column("chunks", column)
