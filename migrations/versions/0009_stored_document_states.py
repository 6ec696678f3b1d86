"""A document's stored state is pending, failed or cancelled: the check says just these. Comments in plain English.

No version since 0007 writes another state; a worker of an older version may have, during that upgrade.

Revision: 0009, after 0008.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CHECK = "state IN ('pending', 'failed', 'cancelled')"
CHECK_BEFORE = "state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')"

COMMENTS = {
    "documents.state": "pending until it fails or is cancelled, also when answered",
    "jobs.run_key": "names a one-shot, so that the same command goes on with it",
    "jobs.idle_since": "when it was paused while running, or when it ended before a retry",
    "jobs.idle_seconds": "seconds since started_at in which it could not run",
    "jobs.input_digest": "SHA-256 of its rows, if it has a key",
    "jobs.holder": "while validating: fence of the process that stores or removes it",
    "jobs.holder_expires_at": "lease of that process",
    "workers.resident_bytes": "memory of the working process at the last heartbeat",
    "workers.gpu_bytes": "memory in use on its GPU, by all processes",
    "workers.gpu_total_bytes": "memory of its GPU",
    "workers.check_tokens_per_second": "speed of the self-check after loading",
    "chunks.crashes": "rescues since the last outcome",
    "chunks.rescues": "how often it was rescued",
    "chunks.published_at": "when it was last announced; null: not since it was queued",
    "chunks.reused": "of `succeeded`: answered from the store",
    "results.fingerprint": "SHA-256 of all that decides the answer, if it may be reused",
    "results.reused_from": "the job that this answer was generated for, if not this one",
    "results.seconds": "from entering the engine to the end of the answer",
    "results.parts": "how many parts the document was cut into",
    "parts.level": "0: parts of the document; above: merged answers",
    "schedule_runs.due_at": "of a run begun by hand: when it began",
    "schedule_runs.holder": "fence of the process that carries it out",
    "schedule_runs.holder_expires_at": "lease of that process",
    "schedule_runs.documents": "documents of its job at its end; the job may be pruned later",
}


def upgrade() -> None:
    op.execute("UPDATE documents SET state = 'pending' WHERE state IN ('running', 'succeeded')")
    if op.get_bind().dialect.name == "sqlite":
        _edit_sqlite_schema()
        return
    op.drop_constraint(op.f("ck_documents_state"), "documents", type_="check")
    op.create_check_constraint(op.f("ck_documents_state"), "documents", CHECK)
    for column, comment in COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN {column} IS '{comment}'")


def _edit_sqlite_schema() -> None:
    """Change the check where SQLite keeps it: as text. Its only other way is to copy all documents."""
    connection = op.get_bind()
    version: int = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    edited = connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) "
        "WHERE type = 'table' AND name = 'documents' AND instr(sql, ?) > 0",
        (CHECK_BEFORE, CHECK, CHECK_BEFORE),
    )
    if edited.rowcount != 1:
        message = "the table documents has no check of its state"
        raise RuntimeError(message)
    # Other connections read the schema again when its version rises; RESET has this one do so.
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")
