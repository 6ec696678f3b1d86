"""The SQL table of long documents: the answers to their parts, and to merges of these."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from qwenq.schemas.results import FinishReason
from qwenq.schemas.tables.columns import AnswerText, UtcTime
from qwenq.schemas.tables.core import metadata

parts = Table(
    "parts",
    metadata,
    Column("job_id", BigInteger, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("level", SmallInteger, nullable=False, comment="0: parts of the document; above: merged answers"),
    Column("part", Integer, nullable=False, comment="its place in the level, from 0"),
    Column("first_char", Integer, nullable=False, comment="of the document's text, from 0"),
    Column("last_char", Integer, nullable=False, comment="included"),
    Column("text", AnswerText, nullable=False, comment="the answer"),
    Column("finish_reason", Text, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("reasoning_tokens", Integer, nullable=False),
    Column("prefix_tokens", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("job_id", "seq", "level", "part"),
    ForeignKeyConstraint(["job_id", "seq"], ["documents.job_id", "documents.seq"], ondelete="CASCADE"),
    CheckConstraint(
        f"finish_reason IN ('{FinishReason.STOP}', '{FinishReason.LENGTH}')", name="finish_reason"
    ),
    CheckConstraint("first_char <= last_char", name="range"),
    sqlite_with_rowid=False,
)
