"""A chat template that never ends: at once it is refused, and for one document only that document fails."""

import shutil
from pathlib import Path

import pytest

from qwenq.store.views.answers.results import errors_of
from tests.audit import audit
from tests.processes import TINY_MODEL, Fleet
from tests.services import Jobs
from tests.waiting import eventually

FOR_EVER = "".join(f"{{% for {name} in range(99999) %}}" for name in "abc") + "{% endfor %}" * 3


def model_with(home: Path, begin: str) -> Path:
    """A copy of the tiny model whose chat template begins so."""
    folder = Path(shutil.copytree(TINY_MODEL, home / "hostile-model"))
    template = folder / "chat_template.jinja"
    template.write_text(begin + template.read_text())
    return folder


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_document_that_hangs_its_template_fails_alone_and_others_are_answered(
    fleet: Fleet, jobs: Jobs
) -> None:
    only_hanging = "{% if 'HANG' in messages[-1].content %}" + FOR_EVER + "{% endif %}"
    model = str(model_with(fleet.settings.home, only_hanging))
    job = jobs.submit(["one", "HANG", "two"], model=model, chunk_documents=1, max_new_tokens=4)
    worker = fleet.start(
        "worker", "--model", model, env={"QWENQ_STALL_SECONDS": "2", "QWENQ_MAX_CRASHES": "1"}
    )
    status = jobs.wait_until_ended(job.job_id, seconds=400)
    assert (status.documents.succeeded, status.documents.failed) == (2, 1)
    with jobs.store.reading() as connection:
        audit(connection, job.job_id)
        assert [error.error.code for error in errors_of(connection, job.job_id)] == ["poison"]
    assert "a document in preparation" in worker.log.read_text()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_template_that_never_ends_is_refused_within_seconds(fleet: Fleet, jobs: Jobs) -> None:
    model = model_with(fleet.settings.home, FOR_EVER)
    jobs.submit(["one"], model=str(model))
    worker = fleet.start("worker", "--model", str(model))
    assert eventually(lambda: worker.exit_code, "the worker stops") == 3
    assert (
        "its chat template cannot be used: rendering a short conversation took longer than 10 s"
        in worker.log.read_text()
    )
