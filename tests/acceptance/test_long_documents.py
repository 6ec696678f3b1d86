"""`--on-overflow split`, as a user types it."""

import json
from pathlib import Path
from typing import Any

from qwenq.embedded.session import environment_of
from tests.commands import qwenq_here
from tests.processes import Fleet, write_jsonl

LONG = "\n\n".join(f"Paragraph {number} says a few words of no weight." for number in range(40))


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_long_document_gets_one_answer_and_a_file_of_part_answers(folder: Path, fleet: Fleet) -> None:
    home = dict(environment_of(fleet.settings))
    fleet.start("worker", "--model", "echo", env={"QWENQ_CONTEXT": "100"})
    write_jsonl(
        folder / "docs.jsonl", [{"id": "long", "text": LONG}, {"id": "short", "text": "A few words."}]
    )
    (folder / "merge.j2").write_text("{{ part_count }} parts: {{ parts | join(' ') }}")
    submit = ("submit", "docs.jsonl", "--model", "echo", "--max-new-tokens", "10", "--on-overflow", "split")
    refused = qwenq_here(*submit, cwd=folder, env=home)
    assert (refused.returncode, "give --merge-prompt or" in refused.stderr) == (2, True)
    done = qwenq_here(*submit, "--merge-prompt-file", "merge.j2", "--wait", "--json", cwd=folder, env=home)
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    job = str(status["id"])
    shown = qwenq_here("results", job, "-o", "out.jsonl", "--parts", "parts.jsonl", cwd=folder, env=home)
    long, short = lines_of(folder / "out.jsonl")
    parts = lines_of(folder / "parts.jsonl")
    assert f"{len(parts)} answers to parts: parts.jsonl" in shown.stderr
    assert (long["parts"], short["parts"]) == (len(parts), 1)
    assert long["text"].startswith(f"{len(parts)} parts: Paragraph 0")
    assert "".join(LONG[part["first_char"] : part["last_char"] + 1] for part in parts) == LONG
    usage = [answer["usage"] for answer in (long, short)]
    assert status["usage"]["prompt_tokens"] == sum(one["prompt_tokens"] for one in usage)


def test_the_merge_prompt_of_a_template_can_be_shown(folder: Path) -> None:
    assert (
        "{% for part in parts %}"
        in qwenq_here("templates", "show", "summarize", "--merge", cwd=folder).stdout
    )
    none = qwenq_here("templates", "show", "classify", "--merge", cwd=folder)
    assert (none.returncode, "has no merge prompt" in none.stderr) == (2, True)
