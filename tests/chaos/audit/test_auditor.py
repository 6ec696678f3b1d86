"""The auditor finds nothing in a sound run, and each broken promise in a changed one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.audit.auditor import PROMISES, TAKEOVER_SECONDS, violations
from tests.chaos.audit.evidence import Evidence, StoredJob
from tests.chaos.audit.history import ChunkChange, DocumentChange, ResultWrite
from tests.chaos.audit.sound_run import CHUNK, FIRST, JOB, ORDER, SECOND, generated, sound
from tests.chaos.engines.log import Deed, EngineLog, Note, generations, read_notes
from tests.chaos.faults.carrying_out import Met
from tests.chaos.plan import Fault, Trouble

DEAR = "an ended claim costs what was in flight and its last second"
Doctor = Callable[[Evidence], Evidence]


def _document(place: int, **changes: object) -> Doctor:
    def doctor(evidence: Evidence) -> Evidence:
        documents = list(evidence.documents)
        documents[place] = replace(documents[place], **changes)  # type: ignore[arg-type]
        return replace(evidence, documents=documents)

    return doctor


def _more(**rows: object) -> Doctor:
    """Evidence with one more row in each named list."""

    def doctor(evidence: Evidence) -> Evidence:
        longer = {name: [*getattr(evidence, name), row] for name, row in rows.items()}
        changed = replace(evidence, **longer)  # type: ignore[arg-type]
        return replace(changed, generations=generations(changed.notes))

    return doctor


def _as(**values: object) -> Doctor:
    return lambda evidence: replace(evidence, **values)  # type: ignore[arg-type]


def _noted(*notes: Note) -> Doctor:
    def doctor(evidence: Evidence) -> Evidence:
        all_notes = [*evidence.notes, *notes]
        return replace(evidence, notes=all_notes, generations=generations(all_notes))

    return doctor


def _written_twice_later(evidence: Evidence) -> Evidence:
    """The first attempt renewed its lease twice after the second document ended, without writing it."""
    renewals = [ChunkChange(at, CHUNK, "running", "running", 1, 1, FIRST) for at in (104.5, 105.5)]
    changes = [*evidence.chunk_changes[:2], *renewals, *evidence.chunk_changes[2:]]
    return replace(evidence, chunk_changes=changes)


def _lived_on_without_writing(evidence: Evidence) -> Evidence:
    """The first worker noted something long after its second document ended, without writing it."""
    return _noted(Note(105.9, FIRST + 100, FIRST, Deed.CLAIMED, JOB, CHUNK + 1, 1))(evidence)


def _unaware_of_its_end(evidence: Evidence) -> Evidence:
    """The first worker generated its second document again, long after it lost the chunk."""
    return _noted(*generated(109, FIRST, attempt=1, seq=1))(evidence)


def _claimed_late(evidence: Evidence) -> Evidence:
    late = TAKEOVER_SECONDS + 1
    changes = [
        replace(change, at=change.at + late) if change.attempt == 2 else change
        for change in evidence.chunk_changes
    ]
    return replace(evidence, chunk_changes=changes)


def test_a_sound_run_breaks_no_promise() -> None:
    assert violations(sound()) == []


DOCTORED: list[tuple[str, Doctor]] = [
    ("what was submitted is stored whole", _as(jobs=[StoredJob(JOB, ORDER.name, "validating")])),
    ("what was submitted is stored whole", _document(1, custom_id="d0")),
    ("nothing is stranded", _as(jobs=[StoredJob(JOB, ORDER.name, "running")])),
    ("nothing is stranded", _document(0, state="running", answer=None)),
    ("nothing is stranded", _as(running_chunks=[CHUNK])),
    ("nothing is stranded", _as(waiting_chunks=[CHUNK])),
    ("nothing is stranded", _as(left_messages=1)),
    ("nothing is stranded", _as(left_processes=["4711 of worker-0"])),
    ("half a job never runs", _as(jobs=[StoredJob(JOB, ORDER.name, "validating")])),
    (
        "each document has one outcome a round",
        _more(document_changes=DocumentChange(120, JOB, 0, "running", "succeeded")),
    ),
    (
        "each document has one outcome a round",
        _more(document_changes=DocumentChange(120, JOB, 0, "succeeded", "pending")),
    ),
    (
        "each document has one outcome a round",
        _more(result_writes=ResultWrite(120, JOB, 0, CHUNK, 1, 1, "running")),
    ),
    ("each document has one outcome a round", _document(0, state="failed", error_code="poison")),
    (
        "a retry keeps how it failed before",
        _more(document_changes=DocumentChange(120, JOB, 2, "failed", "pending")),
    ),
    ("a retry keeps how it failed before", _document(2, past=("poison",))),
    (
        "an answer comes from who held the fence",
        _more(result_writes=ResultWrite(110.5, JOB, 1, CHUNK, 1, 2, "running")),
    ),
    (
        "an answer comes from who held the fence",
        _more(result_writes=ResultWrite(107, JOB, 1, CHUNK, 1, 1, "queued")),
    ),
    (
        "an answer comes from who held the fence",
        _more(result_writes=ResultWrite(103, JOB, 2, CHUNK, 1, 1, "running")),
    ),
    (
        "an answer comes from who held the fence",
        _more(chunk_changes=ChunkChange(120, CHUNK, "queued", "running", 2, 2, FIRST)),
    ),
    ("each answer is right", _document(0, answer="the second")),
    ("each answer is right", _document(0, text="the second")),
    ("only deadly and flawed documents fail", _document(0, state="failed", error_code="poison", answer=None)),
    (
        "only deadly and flawed documents fail",
        _document(2, state="succeeded", error_code=None, answer=ORDER.texts[2]),
    ),
    ("only deadly and flawed documents fail", _document(2, error_code="generation_error")),
    ("only deadly and flawed documents fail", _document(0, past=("generation_error",))),
    ("a reused answer is an earlier one's, and told as such", _document(0, reused_from=JOB)),
    ("what was written is not computed again", _noted(*generated(110, SECOND, attempt=2, seq=0))),
    (DEAR, _written_twice_later),
    (DEAR, _lived_on_without_writing),
    (DEAR, _unaware_of_its_end),
    (
        DEAR,
        _noted(*(Note(112, SECOND + 100, SECOND, Deed.BEGUN, JOB, CHUNK, 2, seq) for seq in range(3, 8))),
    ),
    ("a killed worker's chunk runs elsewhere within lease + 5 s", _claimed_late),
    ("the store's rows fit together", _as(unsound=["chunk 7 miscounts failed"])),
    ("the engines' log is whole", _as(notes=[], generations=[])),
    (
        "the engines' log is whole",
        lambda evidence: replace(evidence, generations=evidence.generations[1:]),
    ),
]


@pytest.mark.parametrize(("promise", "doctor"), DOCTORED)
def test_the_auditor_finds_each_broken_promise(promise: str, doctor: Doctor) -> None:
    assert promise in {violation.promise for violation in violations(doctor(sound()))}


def test_each_promise_is_broken_by_some_history() -> None:
    assert {promise for promise, _ in DOCTORED} == set(PROMISES)


@pytest.mark.parametrize("doctor", [_lived_on_without_writing, _unaware_of_its_end])
def test_a_claim_may_lose_more_while_the_store_cannot_be_written(doctor: Doctor) -> None:
    locked = Met(Fault(1.0, Trouble.STORE_LOCKED, 0, 9.0), 103, 130)
    assert violations(_more(met=locked)(doctor(sound()))) == []


def test_a_claim_may_lose_more_while_its_store_is_away() -> None:
    away = Note(104.5, FIRST + 100, FIRST, Deed.AWAY)
    assert violations(_noted(away)(_lived_on_without_writing(sound()))) == []


def test_a_failure_that_is_retried_is_followed_by_another_outcome() -> None:
    retried = (
        DocumentChange(120, JOB, 2, "failed", "pending"),
        DocumentChange(121, JOB, 2, "pending", "failed"),
    )
    evidence = sound()
    changed = replace(
        _document(2, past=("poison",))(evidence),
        document_changes=[*evidence.document_changes, *retried],
        met=[*evidence.met, Met(Fault(1.0, Trouble.RETRY, 0, 1.0), 120, 120)],
    )
    assert violations(changed) == []


def test_a_takeover_amid_other_faults_has_no_time_limit() -> None:
    store_away = Met(Fault(1.0, Trouble.STORE_LOCKED, 0, 9.0), 103, 130)
    found = violations(_more(met=store_away)(_claimed_late(sound())))
    assert "a killed worker's chunk runs elsewhere within lease + 5 s" not in {one.promise for one in found}


def test_notes_of_engines_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    assert read_notes(path) == []
    log = EngineLog(path)
    log.note(Deed.LOADED)
    log.note(Deed.CLAIMED, JOB, CHUNK, 1)
    log.note(Deed.BEGUN, JOB, CHUNK, 1, 5)
    log.note(Deed.ENDED, JOB, CHUNK, 1, 5)
    notes = read_notes(path)
    assert [(note.deed, note.attempt, note.seq) for note in notes] == [
        (Deed.LOADED, -1, -1),
        (Deed.CLAIMED, 1, -1),
        (Deed.BEGUN, 1, 5),
        (Deed.ENDED, 1, 5),
    ]
    (generation,) = generations(notes)
    assert (generation.began_at, generation.ended_at) == (notes[2].at, notes[3].at)
