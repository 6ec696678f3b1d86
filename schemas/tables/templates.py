"""The SQL table of saved prompt templates. A version is never changed."""

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Table, Text

from qwenq.schemas.tables.columns import UtcTime
from qwenq.schemas.tables.core import metadata

templates = Table(
    "templates",
    metadata,
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False, comment="from 1"),
    Column("text", Text, nullable=False, comment="Jinja2"),
    Column("merge", Text, comment="the prompt that merges the answers to a document's parts"),
    Column("saved_by", Text, comment="user@host"),
    Column("saved_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("name", "version"),
)
