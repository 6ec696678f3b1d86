"""A process that hangs, with or without the interpreter's lock, is replaced, and the document is found."""

from pathlib import Path

import pytest

from qwenq.store.views.answers.results import errors_of, results_of
from tests.audit import audit
from tests.chaos.engines.hanging import HANGING, WAITING
from tests.processes import Fleet
from tests.services import Jobs

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("hanging", "told"), [(HANGING, "hanging.py"), (WAITING, "chunk.stalled")])
def test_a_process_that_hangs_with_or_without_the_interpreters_lock_is_replaced(
    fleet: Fleet, jobs: Jobs, tmp_path: Path, hanging: str, told: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "from tests.chaos.engines.hanging import install\n\ninstall()\n"
    )
    job = jobs.submit(["first", hanging, "last"], model="echo")
    worker = fleet.start(
        "worker",
        "--model",
        "echo",
        env={
            "PYTHONPATH": f"{tmp_path}:{ROOT}",
            "QWENQ_STALL_SECONDS": "2",
            "QWENQ_MAX_CRASHES": "1",
        },
    )
    status = jobs.wait_until_ended(job.job_id)
    assert (status.documents.succeeded, status.documents.failed) == (2, 1)
    with jobs.store.reading() as connection:
        audit(connection, job.job_id)
        assert [error.error.code for error in errors_of(connection, job.job_id)] == ["poison"]
        assert [result.text for result in results_of(connection, job.job_id)] == ["first", "last"]
    # The log says where it hung, or that it did.
    assert told in worker.log.read_text()
