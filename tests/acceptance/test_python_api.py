"""Jobs from Python: the functions of the package `qwenq`."""

from pathlib import Path

import qwenq as api
from qwenq.schemas.settings import Settings
from tests.processes import Fleet


def test_the_python_api_submits_waits_lists_and_cancels(
    fleet: Fleet, settings: Settings, documents: Path
) -> None:
    fleet.start("worker", "--model", "echo")
    job = api.submit([documents], model="echo", prompt="Say: {{ text }}", settings=settings)
    assert api.wait(job.id, settings=settings).documents.succeeded == 4
    texts = [result.text for result in api.results(job.id, settings=settings)]
    assert texts[0].startswith("Say: Total: 0.50")
    (error,) = api.errors(job.id, settings=settings)
    assert error.error.code == "invalid_row"
    assert [one.id for one in api.jobs(settings=settings)] == [job.id]
    waiting = api.submit([documents], model="nobody/serves-this", settings=settings)
    assert api.cancel(waiting.id, settings=settings).state == "cancelled"
