"""Insert answers to the parts of long documents as they come, so that none is computed twice."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, update
from sqlalchemy.dialects import postgresql, sqlite

from qwenq.schemas.chunks import Claim
from qwenq.schemas.parts import Part, PartAnswer
from qwenq.schemas.tables.columns import escaped_answer
from qwenq.schemas.tables.core import chunks
from qwenq.schemas.tables.parts import parts
from qwenq.store.database.clock import now


def insert_parts(connection: Connection, claim: Claim, answers: Mapping[Part, PartAnswer]) -> None:
    """Insert answers to parts, replacing older ones. The caller holds the fence.

    Progress clears the chunk's crashes, even before a document ends.
    """
    if not answers:
        return
    rows = [_row_of(claim.job_id, part, answer) for part, answer in answers.items()]
    inserting = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(parts)
    given = {
        name: inserting.excluded[name] for name in rows[0] if name not in {"job_id", "seq", "level", "part"}
    }
    connection.execute(
        inserting.values(created_at=now()).on_conflict_do_update(
            index_elements=[parts.c.job_id, parts.c.seq, parts.c.level, parts.c.part],
            set_={**given, "created_at": now()},
        ),
        rows,
    )
    connection.execute(update(chunks).where(chunks.c.id == claim.chunk_id).values(crashes=0))


def _row_of(job_id: int, part: Part, answer: PartAnswer) -> dict[str, Any]:
    usage = answer.usage
    return {
        "job_id": job_id,
        "seq": part.seq,
        "level": part.level,
        "part": part.place,
        "first_char": part.first,
        "last_char": part.last - 1,
        "text": escaped_answer(answer.text),
        "finish_reason": answer.finish_reason.value,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "prefix_tokens": usage.prefix_tokens,
        "seconds": answer.seconds,
    }
