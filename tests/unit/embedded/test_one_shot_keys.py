"""The key of a one-shot: the same command over the same files has the same key."""

from pathlib import Path

from qwenq.embedded.home import one_shot_key
from qwenq.schemas.jobs import JobSpec
from tests.processes import write_jsonl


def test_a_one_shots_key_depends_on_the_command_and_its_files(tmp_path: Path) -> None:
    docs = write_jsonl(tmp_path / "docs.jsonl", [{"id": "a", "text": "one"}])
    spec = JobSpec(model="echo", sources=(str(docs),))
    key = one_shot_key(spec, "seed 1")
    assert one_shot_key(spec, "seed 1") == key
    assert one_shot_key(spec, "seed 2") != key
    assert one_shot_key(spec.model_copy(update={"model": "other"}), "seed 1") != key
    write_jsonl(docs, [{"id": "a", "text": "changed in between"}])
    assert one_shot_key(spec, "seed 1") != key


def test_an_input_that_cannot_be_read_twice_has_a_new_key_each_time() -> None:
    for sources in (("-",), ("/dev/fd/63",)):
        spec = JobSpec(model="echo", sources=sources)
        assert one_shot_key(spec, "") != one_shot_key(spec, "")
