"""A document that kills its process is found; no other document fails for it."""

from pathlib import Path

import pytest

from qwenq.api import retry
from qwenq.schemas.chunks import CRASHES_IN_COMPANY
from qwenq.schemas.settings import Settings
from qwenq.store.views.answers.results import errors_of, results_of
from tests.audit import audit
from tests.chaos.engines.deadly import DEADLY, DEATHS_FILE
from tests.processes import Fleet
from tests.services import Jobs

CHUNK = 4
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_poisonous_document_fails_alone_and_fails_again_when_retried(
    fleet: Fleet, jobs: Jobs, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "from tests.chaos.engines.deadly import install\n\ninstall()\n"
    )
    deaths = tmp_path / "deaths"
    texts = [f"document {place}" for place in range(4 * CHUNK)]
    texts[0] = DEADLY
    job = jobs.submit(texts, model="echo", chunk_documents=CHUNK)
    fleet.start(
        "worker", "--model", "echo", env={"PYTHONPATH": f"{tmp_path}:{ROOT}", DEATHS_FILE: str(deaths)}
    )
    status = jobs.wait_until_ended(job.job_id)
    assert (status.documents.succeeded, status.documents.failed) == (len(texts) - 1, 1)
    with jobs.store.reading() as connection:
        audit(connection, job.job_id)
        failed = [(error.custom_id, error.error.code) for error in errors_of(connection, job.job_id)]
        answers = [result.text for result in results_of(connection, job.job_id)]
    assert failed == [("d0", "poison")]
    assert answers == [text for text in texts if text != DEADLY]
    # First with an innocent chunk in flight. Then alone, at each halving, and as a lone document.
    first_round = [2] * (CRASHES_IN_COMPANY + 1) + [1] * (2 * settings.max_crashes + 1)
    assert _company(deaths) == first_round
    innocent = jobs.submit(texts[1:], model="echo", chunk_documents=CHUNK)
    retry(job.job_id, settings=settings)
    assert jobs.wait_until_ended(job.job_id).documents == status.documents
    assert jobs.wait_until_ended(innocent.job_id).documents.succeeded == len(texts) - 1
    # It is a suspect from the start, so it ran alone each time although others waited.
    assert _company(deaths) == first_round + [1] * settings.max_crashes


def _company(deaths: Path) -> list[int]:
    """How many chunks were in flight at each death."""
    return [len(line.split()) for line in deaths.read_text().splitlines()]
