"""Schedules keep their runs when they are removed; runs are delivered again; notices of any job, to several places.

Revision: 0016, after 0015. A schedule's webhook becomes the first place of its notices.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Double(), "sqlite")
COMMENTS = {
    "notices.url": "where to: https:, slack:https:, teams:https: or mailto:",
    "notices.body": "the event as JSON; a plain webhook gets it byte for byte",
}


def upgrade() -> None:
    _add_columns()
    _create_job_notices()
    op.drop_index("uq_notices_key", table_name="notices")
    op.create_index("uq_notices_key_url", "notices", ["key", "url"], unique=True)
    if op.get_bind().dialect.name == "postgresql":
        for column, comment in COMMENTS.items():
            op.execute(f"COMMENT ON COLUMN {column} IS '{comment}'")
    _rename_webhooks()


def _add_columns() -> None:
    removed = "when a person removed it; its runs stay until they are pruned"
    op.add_column("schedules", sa.Column("removed_at", UTC_TIME, comment=removed))
    repeats = "due time of the run that it repeats; its files are named after it"
    deliveries = "how often its answers were delivered, or failed to be"
    for column in (
        sa.Column("begun_by", sa.Text(), comment="who began it by hand"),
        sa.Column("repeats_due_at", UTC_TIME, comment=repeats),
        sa.Column(
            "deliveries", sa.Integer(), nullable=False, server_default=sa.text("0"), comment=deliveries
        ),
        sa.Column("deliver_at", UTC_TIME, comment="when its answers are delivered again"),
    ):
        op.add_column("schedule_runs", column)
    op.execute("UPDATE schedule_runs SET deliveries = 1 WHERE documents IS NOT NULL")
    op.create_index("ix_schedule_runs_deliver_at", "schedule_runs", ["deliver_at"], unique=False)


def _create_job_notices() -> None:
    op.create_table(
        "job_notices",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False, comment="where a notice goes when the job has ended"),
        sa.Column("made_at", UTC_TIME, comment="when its notice was made; null: the job has not ended since"),
        sa.PrimaryKeyConstraint("job_id", "url", name=op.f("pk_job_notices")),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_job_notices_job_id"), ondelete="CASCADE"
        ),
    )
    op.create_index("ix_job_notices_made_at", "job_notices", ["made_at"], unique=False)


def _rename_webhooks() -> None:
    connection = op.get_bind()
    schedules = sa.table("schedules", sa.column("id", sa.BigInteger), sa.column("policy", sa.JSON))
    for schedule_id, policy in connection.execute(sa.select(schedules.c.id, schedules.c.policy)).all():
        kept = json.loads(policy) if isinstance(policy, str) else dict(policy)
        if "webhook" in kept:
            url = kept.pop("webhook")
            kept["notify"] = [] if url is None else [url]
            connection.execute(sa.update(schedules).where(schedules.c.id == schedule_id).values(policy=kept))
