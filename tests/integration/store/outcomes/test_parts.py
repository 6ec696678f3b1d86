"""Answers to parts: the newest of each, in order, removed with their job."""

import pytest
from sqlalchemy import select

from qwenq.schemas.parts import Part, PartAnswer
from qwenq.schemas.results import FinishReason, Usage
from qwenq.schemas.tables.parts import parts
from qwenq.store.database.store import Store
from qwenq.store.life.claims import hold_fence
from qwenq.store.life.half_jobs import hold_abandoned
from qwenq.store.life.removal import remove
from qwenq.store.outcomes.parts import insert_parts
from qwenq.store.views.answers import parts as stored_parts
from qwenq.store.views.answers.parts import answered_parts, parts_of
from tests.builders import LEASE, chunks_of, claim_one, make_job, make_worker, suspect


def answered(text: str) -> PartAnswer:
    return PartAnswer(text, FinishReason.STOP, Usage(10, 2, 1, 3), 0.5)


def test_the_newest_answer_to_a_part_replaces_older_ones(store: Store) -> None:
    claim = claim_one(store, chunks_of(store, make_job(store))[0], make_worker(store))
    first, cut_otherwise = Part(0, 0, 0, 0, 9), Part(0, 0, 0, 0, 7)
    other = Part(1, 0, 0, 0, 9)
    with store.writing() as connection:
        insert_parts(connection, claim, {first: answered("one"), other: answered("a NUL: \0")})
        assert answered_parts(connection, claim.job_id, 0) == {first: answered("one")}
        insert_parts(connection, claim, {cut_otherwise: answered("two")})
        assert answered_parts(connection, claim.job_id, 0) == {cut_otherwise: answered("two")}
        assert answered_parts(connection, claim.job_id, 1) == {other: answered("a NUL: \0")}
        insert_parts(connection, claim, {})


def test_answers_to_parts_come_in_input_order_and_by_level(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_parts, "PAGE_ROWS", 2)
    claim = claim_one(store, chunks_of(store, make_job(store))[0], make_worker(store))
    told = [Part(seq, level, place, 0, 5) for seq in (0, 2) for level in (0, 1) for place in range(3 - level)]
    with store.writing() as connection:
        insert_parts(connection, claim, {part: answered("x") for part in reversed(told)})
    with store.reading() as connection:
        lines = list(parts_of(connection, claim.job_id))
    assert [(line.custom_id, line.level, line.part) for line in lines] == [
        (f"d{part.seq}", part.level, part.place) for part in told
    ]
    assert {(line.first_char, line.last_char) for line in lines} == {(0, 4)}


def test_an_answer_to_a_part_clears_the_crashes(store: Store) -> None:
    chunk_id = chunks_of(store, make_job(store))[0]
    suspect(store, chunk_id)
    claim = claim_one(store, chunk_id, make_worker(store))
    assert claim.suspect
    with store.writing() as connection:
        hold_fence(connection, claim, None)
        insert_parts(connection, claim, {Part(0, 0, 0, 0, 9): answered("one")})
    with store.writing() as connection:
        hold_fence(connection, claim, LEASE)
        crashes = connection.exec_driver_sql(f"SELECT crashes FROM chunks WHERE id = {chunk_id}").scalar_one()
    assert crashes == 0


def test_answers_to_parts_are_removed_with_their_job(store: Store) -> None:
    claim = claim_one(store, chunks_of(store, make_job(store))[0], make_worker(store))
    with store.writing() as connection:
        insert_parts(connection, claim, {Part(0, 0, 0, 0, 9): answered("one")})
        connection.exec_driver_sql(
            "UPDATE jobs SET state = 'validating', holder = 'x', holder_expires_at = created_at"
        )
    with store.writing() as connection:
        half = hold_abandoned(connection, claim.job_id, LEASE)
    assert half is not None
    assert remove(store, half)
    with store.reading() as connection:
        assert connection.execute(select(parts)).all() == []
