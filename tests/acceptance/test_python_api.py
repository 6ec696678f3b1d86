"""Jobs from Python: the functions of the package `qwenq`."""

import re
from pathlib import Path

import pytest

import qwenq as api
from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings
from tests.processes import Fleet, write_jsonl

README = Path(__file__).parents[2] / "README.md"


def test_the_python_api_submits_waits_lists_and_cancels(
    fleet: Fleet, settings: Settings, documents: Path
) -> None:
    fleet.start("worker", "--model", "echo")
    job = api.submit(documents, model="echo", prompt="Say: {{ text }}", settings=settings)
    assert api.wait(job.id, settings=settings).documents.succeeded == 4
    texts = [result.text for result in api.results(job.id, settings=settings)]
    assert texts[0].startswith("Say: Total: 0.50")
    kept = next(api.results(job.id, keep_columns=["text"], settings=settings).rows())
    assert (kept["custom_id"], kept["input.text"]) == ("doc-0", texts[0].removeprefix("Say: "))
    (error,) = api.errors(job.id, settings=settings)
    assert error.error.code == "invalid_row"
    assert [one.id for one in api.jobs(settings=settings)] == [job.id]
    waiting = api.submit([documents], model="nobody/serves-this", settings=settings)
    with pytest.raises(api.WaitTimeout, match=r"is queued after 0\.1 seconds; documents done: 1 of 5"):
        api.wait(waiting.id, timeout=0.1, settings=settings)
    assert api.cancel(waiting.id, settings=settings).state == "cancelled"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_python_of_the_readme_does_what_it_says(
    fleet: Fleet,
    settings: Settings,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    write_jsonl(folder / "docs.jsonl", [{"id": "x", "text": "a text"}, {"id": "y"}])
    section = README.read_text("utf-8").partition("## From Python")[2].partition("\n## ")[0]
    alone, with_worker = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    names: dict[str, object] = {}
    exec(alone.replace("Qwen/Qwen3-8B", "echo"), names)
    said = capsys.readouterr().out
    assert "a Summarise: The invoice is due on 5 May.\nb Summarise: It was paid in cash.\n" in said
    assert "'custom_id': 'a'" in said
    fleet.start("worker", "--model", "echo")
    exec(with_worker.replace("Qwen/Qwen3-8B", "echo"), names)
    said = capsys.readouterr().out
    assert "x Summarise: a text\n" in said
    assert "2 template_error" in said
