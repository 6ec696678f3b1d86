"""Tenants have webhooks, to which the events of their batches are posted.

Revision: 0025, after 0024.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Double(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "tenant_webhooks",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False, comment="where the events of its batches are posted to"),
        sa.Column("secret", sa.Text(), nullable=False, comment="whsec_…, signs them"),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.name"],
            name=op.f("fk_tenant_webhooks_tenant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_tenant_webhooks")),
    )
    op.add_column(
        "notices",
        sa.Column("tenant", sa.Text(), comment="whose secret signs it; null: that of the settings"),
    )
