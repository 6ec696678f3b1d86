"""The command line: one file a command, each imported only when it is called for."""

import gc
import importlib
import logging
import os
import sys
import traceback

import click

from qwenq.schemas.errors import QwenqError

_COMMANDS = {
    "run": "answer files now, with nothing running before or after",
    "up": "the embedded services, until Ctrl-C: Redis, a worker, beat and Flower",
    "submit": "store files as a job for the workers",
    "status": "where jobs stand",
    "results": "a job's answers",
    "report": "what became of a job, on one page",
    "metrics": "what a job took: response time, speed, memory",
    "cancel": "stop a job",
    "pause": "let nothing more of a job begin",
    "resume": "let a paused job go on",
    "retry": "run a job's failed documents again",
    "schedule": "jobs by the clock: add, list, show, pause, resume, remove, run",
    "worker": "answer documents with one resident model",
    "beat": "run schedules, look for stranded work",
    "flower": "watch the tasks in a browser",
    "templates": "the built-in prompts",
    "db": "the SQL store",
    "health": "whether all is well, and what to do where it is not",
    "check": "try every setting, and say what is wrong and how to mend it",
}
_MODULES = {
    "run": "qwenq.cli.jobs.run",
    "up": "qwenq.cli.services.up",
    "submit": "qwenq.cli.jobs.submit",
    "status": "qwenq.cli.jobs.status",
    "results": "qwenq.cli.jobs.results",
    "report": "qwenq.cli.jobs.report",
    "metrics": "qwenq.cli.jobs.metrics",
    "cancel": "qwenq.cli.jobs.cancel",
    "pause": "qwenq.cli.jobs.pause",
    "resume": "qwenq.cli.jobs.resume",
    "retry": "qwenq.cli.jobs.retry",
    "schedule": "qwenq.cli.schedule",
    "worker": "qwenq.cli.services.worker",
    "beat": "qwenq.cli.services.beat",
    "flower": "qwenq.cli.services.flower",
    "templates": "qwenq.cli.templates",
    "db": "qwenq.cli.services.db",
    "health": "qwenq.cli.services.health",
    "check": "qwenq.cli.services.check",
}
INTERNAL_ERROR = 70
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
        # What a command has to say, it says; a service sets its log up itself.
        logging.getLogger("qwenq").addHandler(logging.NullHandler())
        command: click.Command = importlib.import_module(_MODULES[cmd_name]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was asked for; one that is not known is answered with those like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as unknown:
            raise click.exceptions.NoSuchCommand(
                unknown.command_name, possibilities=_COMMANDS, ctx=ctx
            ) from None

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
    """Run a command.

    Exit codes: 0 done, 1 some documents failed, 2 bad usage or input, 3 a service is away,
    70 an error that nobody foresaw, 130 interrupted.
    """
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
    except Exception as error:  # noqa: BLE001 - the last net: a person gets one line, not a traceback
        code = _tell_unforeseen(error)
    sys.exit(code if isinstance(code, int) else 0)


def _tell_unforeseen(error: Exception) -> int:
    if os.environ.get("QWENQ_LOG_LEVEL", "").lower() == "debug":
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    said = str(error).strip().partition("\n")[0].rstrip(".")
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    click.echo(
        f"qwenq: internal error: {what}; please report it; set QWENQ_LOG_LEVEL=debug for the traceback",
        err=True,
    )
    return INTERNAL_ERROR
