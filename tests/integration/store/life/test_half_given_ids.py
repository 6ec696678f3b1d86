"""Rows with and without ids in one job: a line number that equals an id makes a bad row with advice."""

from qwenq.store.database.store import Store
from qwenq.store.views.answers.results import errors_of
from tests.builders import row, store_job


def test_an_id_that_equals_another_rows_line_says_what_to_do(store: Store) -> None:
    job_id = store_job(store, [row(0, "1"), row(1, "1")])
    with store.reading() as connection:
        (bad,) = errors_of(connection, job_id)
    assert "give all rows an id, or none" in bad.error.message


def test_a_duplicate_id_that_is_no_line_number_gives_no_advice(store: Store) -> None:
    job_id = store_job(store, [row(0, "a-1"), row(1, "a-1")])
    with store.reading() as connection:
        (bad,) = errors_of(connection, job_id)
    assert "or none" not in bad.error.message
