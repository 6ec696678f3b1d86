"""Audit of reuse: an answer has an earlier original, and a known answer is not generated again."""

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.audit.claims_held import claims_held
from tests.chaos.audit.evidence import Evidence, StoredDocument, StoredJob
from tests.chaos.audit.history import ChunkChange
from tests.chaos.audit.reused_answers import KNOWN_SECONDS, Reused
from tests.chaos.audit.sound_run import CHUNK, JOB, ORDER, SECOND, sound
from tests.chaos.engines.log import Deed, Note, generations

COPIER, ITS_CHUNK = JOB + 1, CHUNK + 1
TEXT = ORDER.texts[0]
CLAIMED_AT = 102.0 + KNOWN_SECONDS


def evidence(**changes: Any) -> Evidence:
    """A second job whose document was answered by the first; `changes` are made to it."""
    copy = StoredDocument(COPIER, 0, "d0", TEXT, "succeeded", None, TEXT, ITS_CHUNK, 1, reused_from=JOB)
    run = sound()
    return replace(
        run,
        jobs=[StoredJob(JOB, "a", "completed", reuse=True), StoredJob(COPIER, "b", "completed", reuse=True)],
        documents=[*run.documents, replace(copy, **changes)],
        chunk_changes=[
            *run.chunk_changes,
            ChunkChange(CLAIMED_AT, ITS_CHUNK, "queued", "running", 0, 1, SECOND),
        ],
    )


def generating(run: Evidence, *before: Deed) -> Evidence:
    """The same, but the second job's document was generated; `before` that, its process noted this."""
    pid, names = SECOND + 100, (COPIER, ITS_CHUNK, 1, 0)
    notes = [
        *run.notes,
        *(Note(CLAIMED_AT + 0.5, pid, SECOND, deed) for deed in before),
        Note(CLAIMED_AT + 1, pid, SECOND, Deed.BEGUN, *names),
        Note(CLAIMED_AT + 2, pid, SECOND, Deed.ENDED, *names),
    ]
    return replace(run, notes=notes, generations=generations(notes))


def reused(run: Evidence) -> Reused:
    return Reused(run, claims_held(run.chunk_changes))


def test_a_reused_answer_with_an_earlier_original_is_sound() -> None:
    looked_into = reused(evidence())
    assert len(looked_into.documents) == 1
    assert [*looked_into.misled(), *looked_into.needless()] == []


@pytest.mark.parametrize(
    "untrue",
    [
        evidence(reused_from=JOB + 7),
        evidence(reused_from=COPIER),
        evidence(answer="another"),
        evidence(text=ORDER.texts[2]),
        generating(evidence()),
        replace(
            evidence(),
            jobs=[StoredJob(JOB, "a", "completed"), StoredJob(COPIER, "b", "completed", reuse=True)],
        ),
        replace(evidence(), generations=[]),
    ],
)
def test_a_reused_answer_without_an_original_is_found(untrue: Evidence) -> None:
    assert list(reused(untrue).misled())


def test_generating_a_known_answer_is_a_broken_promise_unless_the_store_was_away() -> None:
    run = evidence(reused_from=None)
    assert list(reused(generating(run)).needless())
    assert not list(reused(generating(run, Deed.SKIPPED)).needless())
