"""Write docs/cli.md and docs/settings.md from the code: `python -m docs.generate`, or `make docs`.

A test fails when they are stale.
"""

from collections.abc import Iterator
from pathlib import Path

import click
from pydantic.fields import FieldInfo

from qwenq.cli.group import group
from qwenq.schemas.settings import ENV_PREFIX, SETTINGS_FILE, Settings

FOLDER = Path(__file__).parent
WIDTH = 100
_WRITTEN = "<!-- Written by `make docs` from the code: change it there. -->\n"

_CLI_HEAD = f"""\
# Commands

{_WRITTEN}
What each command says of itself with `--help`. Every option has a twin in the environment, which its help
names; what stands on the command line wins.

Exit codes: 0 done; 1 it ran, but some documents have no answer (`run`, `submit --wait`); 2 bad usage or
input; 3 a service that is needed is away; 130 interrupted; 70 an error in qwenq itself. `qwenq health` has its own.
"""

_SETTINGS_HEAD = f"""\
# Settings

{_WRITTEN}
Each is looked for in the environment first, then in `{SETTINGS_FILE}` in the working directory; else its
default holds. `qwenq check` tries them all, and says what is wrong and how to mend it.

In `{SETTINGS_FILE}` a setting goes by its plain name:

```toml
model = "Qwen/Qwen3-8B"
database_url = "postgresql://qwenq@db.example/qwenq"
batch_rows = 64
```

Producers and workers must agree on `database_url` and `broker_url`, and on the name of the model. Times are
in seconds.

| name | environment | default | meaning |
|---|---|---|---|
"""


def cli_page() -> str:
    """docs/cli.md: the help of every command."""
    context = click.Context(
        group, info_name="qwenq", terminal_width=WIDTH, max_content_width=WIDTH, **group.context_settings
    )
    return _CLI_HEAD + "".join(_section(group, context))


def settings_page() -> str:
    """docs/settings.md: the table of the settings."""
    return _SETTINGS_HEAD + "".join(_row(name, field) for name, field in Settings.model_fields.items())


def pages() -> dict[Path, str]:
    """What each generated file must hold."""
    return {FOLDER / "cli.md": cli_page(), FOLDER / "settings.md": settings_page()}


def main() -> None:
    """Write the files."""
    for path, text in pages().items():
        path.write_text(text, "utf-8")


def _section(command: click.Command, context: click.Context) -> Iterator[str]:
    """A command's own help, then that of the commands below it."""
    yield f"\n## `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _section(below, click.Context(below, parent=context, info_name=name))


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{name}` | `{ENV_PREFIX}{name.upper()}` | {_default(field.default)} | {field.description} |\n"


def _default(value: object) -> str:
    if value is None:
        return "none"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    main()
