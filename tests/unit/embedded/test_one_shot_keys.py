"""The key of a one-shot: the same command over files of the same content has the same key."""

import os
from pathlib import Path

from qwenq.embedded.home import one_shot_key
from qwenq.schemas.jobs import JobSpec
from tests.processes import write_jsonl


def test_a_one_shots_key_depends_on_the_command_and_the_content_of_its_files(tmp_path: Path) -> None:
    docs = write_jsonl(tmp_path / "docs.jsonl", [{"id": "a", "text": "one"}])
    spec = JobSpec(model="echo", sources=(str(docs),))
    key = one_shot_key(spec, "seed 1")
    assert key is not None
    os.utime(docs, (1, 1))
    assert one_shot_key(spec, "seed 1") == key
    assert one_shot_key(spec, "seed 2") != key
    assert one_shot_key(spec.model_copy(update={"model": "other"}), "seed 1") != key
    write_jsonl(docs, [{"id": "a", "text": "two"}])
    assert one_shot_key(spec, "seed 1") != key


def test_an_input_that_cannot_be_read_twice_has_no_key() -> None:
    for sources in (("-",), ("/dev/fd/63",), ("s3://bucket/docs.jsonl",)):
        assert one_shot_key(JobSpec(model="echo", sources=sources), "") is None
