"""A chat template that never ends for one document: only that document fails."""

import shutil
from pathlib import Path

import pytest

from qwenq.store.views.answers.results import errors_of
from tests.audit import audit
from tests.processes import TINY_MODEL, Fleet
from tests.services import Jobs

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
    # First alone: beside others, it would end more processes until it is found, each of which loads the model.
    hanging = jobs.submit(["HANG"], model=model, max_new_tokens=4)
    worker = fleet.start(
        "worker", "--model", model, env={"QWENQ_STALL_SECONDS": "2", "QWENQ_MAX_CRASHES": "1"}
    )
    assert jobs.wait_until_ended(hanging.job_id, seconds=400).documents.failed == 1
    others = jobs.submit(["one", "two"], model=model, max_new_tokens=4)
    assert jobs.wait_until_ended(others.job_id).documents.succeeded == 2
    with jobs.store.reading() as connection:
        audit(connection, hanging.job_id)
        assert [error.error.code for error in errors_of(connection, hanging.job_id)] == ["poison"]
    assert "a document in preparation" in worker.log.read_text()
