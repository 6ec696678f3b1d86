"""Schedules read and write within the roots of the settings only."""

import pytest

from qwenq.schemas.errors import OutsideRoots
from qwenq.schemas.states import RunState
from qwenq.schemas.tables.schedules import schedule_runs
from tests.integration.schedules.conftest import NIGHT, Nights


def test_inputs_and_outputs_outside_of_the_roots_are_refused_when_added_and_when_run(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    elsewhere = nights.folder / "elsewhere"
    elsewhere.mkdir()
    inputs = {"input_roots": (str(elsewhere),)}
    outputs = {"output_roots": (str(elsewhere),)}
    free = nights.settings
    for roots, setting in ((inputs, "QWENQ_INPUT_ROOTS"), (outputs, "QWENQ_OUTPUT_ROOTS")):
        nights.settings = free.model_copy(update=roots)
        with pytest.raises(OutsideRoots, match=setting):
            nights.add("second")
        nights.due_from("nightly", NIGHT)
        with nights.store.writing() as connection:
            connection.execute(schedule_runs.delete())
        nights.tick()
        [run] = nights.runs()
        assert (run.state, run.error_code, run.job_id) == (RunState.FAILED, "outside_roots", None)
        assert setting in (run.error_message or "")


def test_answers_are_written_and_removed_in_their_roots_only(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    out, elsewhere = nights.folder / "out", nights.folder / "elsewhere"
    elsewhere.mkdir()
    kept = elsewhere / "kept.jsonl"
    kept.write_text("kept")
    nights.add(output=str(out / "{date}.jsonl"), errors=str(out / "kept.jsonl"))
    nights.settings = nights.settings.model_copy(update={"output_roots": (str(out),)})
    nights.tick()
    job_id = nights.runs()[0].job_id
    nights.answer(job_id)
    out.rmdir()
    out.symlink_to(elsewhere)
    nights.settings = nights.settings.model_copy(update={"output_roots": (str(nights.folder / "real"),)})
    nights.tick()
    [run] = nights.runs()
    assert (run.state, run.error_code) == (RunState.FAILED, "outside_roots")
    assert f"`qwenq results {job_id} -o FILE`" in (run.error_message or "")
    assert [path.name for path in elsewhere.iterdir()] == ["kept.jsonl"]
