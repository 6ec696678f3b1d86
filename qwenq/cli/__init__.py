"""The command line: one file a command, each imported only when it is called for."""

import gc
import importlib
import sys

import click

from schemas.errors import QwenqError

_COMMANDS = {
    "run": "answer files now, with nothing running before or after",
    "up": "the embedded services, until Ctrl-C: Redis, a worker, beat and Flower",
    "submit": "store files as a job for the workers",
    "status": "where jobs stand",
    "results": "a job's answers",
    "cancel": "stop a job",
    "worker": "answer documents with one resident model",
    "beat": "housekeeping on a timer",
    "flower": "watch the tasks in a browser",
    "templates": "the built-in prompts",
    "db": "the SQL store",
    "check": "try every setting, and say what is wrong and how to mend it",
}
INTERRUPTED = 130
GC_OBJECTS = 50_000


class _LazyGroup(click.Group):
    """A group that knows its commands' names and help without importing them: `qwenq --help` must be quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"qwenq.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Settings: the environment (QWENQ_*), then qwenq.toml, then defaults; `qwenq check` shows them.",
)
@click.version_option(package_name="qwenq")
def group() -> None:
    """Batch document processing with Qwen models: files of documents in, files of answers out."""


def main() -> None:
    """Run a command. Exit codes: 0 done, 1 some documents failed, 2 bad usage or input, 3 a service is away."""
    # What is imported stays: looking for garbage among it, again and again, took a tenth of the start.
    gc.set_threshold(GC_OBJECTS)
    try:
        code = group.main(standalone_mode=False)
    except click.exceptions.Abort:
        code = INTERRUPTED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except QwenqError as error:
        click.echo(f"qwenq: {error}", err=True)
        code = error.exit_code
    sys.exit(code if isinstance(code, int) else 0)
