"""The checks of command lines in pages find wrong commands."""

import click
import pytest

from tests.unit.docs.command_lines import check_named, fenced_commands, inline_commands, read_command

PAGE = """\
Run `qwenq db upgrade` first; `qwenqs` is another word.

```sh
QWENQ_DEVICE=cpu .venv/bin/qwenq run a.jsonl \\
  --prompt 'Summarise: {{ text }}' -o b.jsonl && echo done   # a comment
docker compose exec -T beat qwenq submit - < docs.jsonl
pg_dump --username=qwenq qwenq > dump
```

```text
qwenq shows this
```
"""


def test_command_lines_in_a_page_are_found() -> None:
    assert list(fenced_commands(PAGE)) == [
        ["run", "a.jsonl", "--prompt", "Summarise: {{ text }}", "-o", "b.jsonl"],
        ["submit", "-"],
    ]
    assert list(inline_commands(PAGE)) == [["db", "upgrade"]]


def test_a_correct_command_line_is_read() -> None:
    context = read_command(["worker", "--model", "echo", "--device", "cuda:1"])
    assert context.params["device"] == "cuda:1"


@pytest.mark.parametrize(
    "line",
    ["stop 1", "db", "run", "run a.jsonl --no-such 1", "worker --batch-rows many", "status 1 2"],
)
def test_a_wrong_command_line_is_refused(line: str) -> None:
    with pytest.raises(click.UsageError):
        read_command(line.split())


@pytest.mark.parametrize("line", ["stop", "db downgrade", "worker --devices cuda:1"])
def test_a_wrong_command_or_option_name_is_refused(line: str) -> None:
    with pytest.raises(click.UsageError):
        check_named(line.split())


@pytest.mark.parametrize("line", ["worker --model …", "submit FILE --wait", "run --thinking", "db"])
def test_a_command_may_be_named_without_its_arguments(line: str) -> None:
    check_named(line.split())
