"""The prompts of a request: from files, and the merge prompt that `--on-overflow split` needs."""

from pathlib import Path
from typing import Any

import pytest

from qwenq.actions.request import JobRequest
from qwenq.producer.opening import open_input
from qwenq.schemas.errors import InvalidParameter, InvalidTemplate, UnknownColumn, UnreadableInput
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.settings import Settings
from qwenq.schemas.templates.builtin import builtin_template
from tests.processes import write_jsonl

SPLIT: dict[str, Any] = {"params": {"on_overflow": "split"}}


def specify(tmp_path: Path, **request: Any) -> JobSpec:
    file = write_jsonl(tmp_path / "in.jsonl", [{"text": "a text"}])
    return JobRequest(files=[str(file)], **request).specify(Settings(model="echo"))


def test_a_template_has_its_own_merge_prompt(tmp_path: Path) -> None:
    assert specify(tmp_path, template="qa", **SPLIT).prompt.merge == builtin_template("qa").merge


def test_a_given_merge_prompt_replaces_the_templates_own(tmp_path: Path) -> None:
    (tmp_path / "merge.j2").write_text("{{ parts }}!")
    assert specify(tmp_path, template="qa", merge_prompt="{{ parts }}", **SPLIT).prompt.merge == "{{ parts }}"
    from_file = specify(tmp_path, template="qa", merge_prompt_file=tmp_path / "merge.j2", **SPLIT)
    assert from_file.prompt.merge == "{{ parts }}!"


def test_a_template_sets_no_merge_prompt_without_splitting(tmp_path: Path) -> None:
    assert specify(tmp_path, template="qa").prompt.merge is None


@pytest.mark.parametrize("request_", [{"prompt": "{{ text }}"}, {}, {"template": "classify"}], ids=str)
def test_splitting_without_a_merge_prompt_is_refused_with_advice(
    tmp_path: Path, request_: dict[str, Any]
) -> None:
    with pytest.raises(
        InvalidParameter, match=r"--on-overflow: .*--merge-prompt.*\(extract, qa, summarize\)"
    ):
        specify(tmp_path, **request_, **SPLIT)


def test_a_merge_prompt_without_splitting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="give --on-overflow split as well"):
        specify(tmp_path, merge_prompt="{{ parts }}")


def test_two_merge_prompts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="give one of them, not both"):
        specify(tmp_path, merge_prompt="{{ parts }}", merge_prompt_file=tmp_path / "m", **SPLIT)


def test_a_missing_merge_prompt_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="missing"):
        specify(tmp_path, merge_prompt_file=tmp_path / "missing", **SPLIT)


@pytest.mark.parametrize(
    ("merge", "error", "said"),
    [
        ("{{ parts", InvalidTemplate, "in the merge prompt"),
        ("Merge {{ text }}", InvalidParameter, "such as {{ parts"),
        ("{{ parts }} {{ author }}", UnknownColumn, "author"),
    ],
    ids=["no template", "no answers", "an unknown column"],
)
def test_a_merge_prompt_that_cannot_merge_is_refused_before_storing(
    tmp_path: Path, merge: str, error: type[Exception], said: str
) -> None:
    spec = specify(tmp_path, merge_prompt=merge, **SPLIT)
    with pytest.raises(error, match=said):
        open_input(spec)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "no such file"), (".", "is a directory"), ("latin1", "not valid UTF-8 (byte 2)")],
)
def test_an_unreadable_prompt_file_is_named_once_with_its_reason(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "latin1").write_bytes(b"a\xe9b")
    request = JobRequest(files=["x.jsonl"], prompt_file=tmp_path / name)
    with pytest.raises(UnreadableInput) as error:
        request.specify(Settings(model="echo"))
    assert reason in str(error.value)
    assert "Errno" not in str(error.value)
    assert str(error.value).count(str(tmp_path)) == 1
