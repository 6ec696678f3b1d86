"""The group of all commands. Each is imported only when it runs."""

import importlib
import io
import logging
import os

import click
from click.shell_completion import CompletionItem

from qwenq.producer.signals import INTERRUPTED
from qwenq.schemas.errors import QwenqError
from qwenq.schemas.log.lines import exception_line, exception_words
from qwenq.schemas.log.visible import visible
from qwenq.wording.output import say

_COMMANDS = {
    "run": ("jobs.run", "answer files now, with nothing running before or after"),
    "up": ("services.up", "run Redis, a worker, beat and Flower until Ctrl-C"),
    "submit": ("jobs.submit", "store files as a job for the workers"),
    "status": ("jobs.status", "show where jobs stand"),
    "runs": ("jobs.runs", "show what an interrupted `qwenq run` left, and how to go on"),
    "documents": ("jobs.documents", "list documents of a job: by id, text, answer, error code, state"),
    "show": ("jobs.show", "show a document: its prompt, answer, tokens, attempts"),
    "results": ("jobs.results", "write a job's answers"),
    "report": ("jobs.report", "write a page on a job, or what a tenant used: tokens, cost"),
    "metrics": ("jobs.metrics", "show a job's response times, speed and memory"),
    "cancel": ("jobs.changes:cancel", "stop a job"),
    "pause": ("jobs.changes:pause", "begin no more documents of a job"),
    "resume": ("jobs.changes:resume", "let a paused job go on"),
    "retry": ("jobs.changes:retry", "run a job's failed documents again"),
    "schedule": ("schedule", "run jobs by the clock: add, edit, list, show, costs, run, deliver"),
    "worker": ("services.worker", "answer documents with one resident model"),
    "beat": ("services.beat", "run schedules, and put stranded work back"),
    "flower": ("services.flower", "watch jobs and workers in a browser"),
    "serve": ("services.serve", "serve OpenAI's Files and Batches over HTTP"),
    "tenants": ("tenants", "list, add, change, remove tenants of the HTTP service"),
    "keys": ("keys", "create, list, revoke keys of the HTTP service"),
    "audit": ("audit", "show who created, read, cancelled, deleted what over HTTP"),
    "templates": ("templates", "show prompts by name, built in or saved; save one in versions"),
    "db": ("services.db", "upgrade, check or prune the SQL store"),
    "health": ("services.health", "check services, workers and machine, and say what to do"),
    "check": ("services.check", "try every setting, and say what is wrong and how to mend it"),
}
"""Where each command is defined (a module of qwenq.cli, `:` and a name other than `command`), and its help."""
INTERNAL_ERROR = 70


class _LazyGroup(click.Group):
    """A group that knows its commands' names and help without importing them: `qwenq --help` must be quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        # Commands write their own messages, and services set up their own logging.
        logging.getLogger("qwenq").addHandler(logging.NullHandler())
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"qwenq.cli.{module}"), name or "command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command by its name. An unknown name is answered with similar ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as unknown:
            raise click.exceptions.NoSuchCommand(
                unknown.command_name, possibilities=_COMMANDS, ctx=ctx
            ) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer commands without importing them, and the options before them."""
        found = [
            CompletionItem(name, help=text)
            for name, (_, text) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


def _show_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    from qwenq.cli.version import version_facts
    from qwenq.wording.output import show

    for name, fact in version_facts():
        show(f"{name:13} {fact}")
    context.exit()


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Settings: the environment (QWENQ_*), then qwenq.toml, then defaults; `qwenq check` shows them.",
)
@click.option(
    "-V", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show what a report of a bug needs: versions, devices, the store. Changes nothing.",
)  # fmt: skip
def group() -> None:
    """Batch document processing with Qwen models: files of documents in, files of answers out."""


def run_command() -> int:
    """Run the command that the process's arguments name, and return its exit code. Celery raises SystemExit."""
    try:
        code = group.main(standalone_mode=False)
    except click.exceptions.Abort:  # click's name for KeyboardInterrupt
        return INTERRUPTED
    except click.ClickException as error:
        _show_refused(error)
        return error.exit_code
    except QwenqError as error:
        say(f"qwenq: {error}")
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - a person gets one line, not a traceback
        return _show_unforeseen(error)
    return code if isinstance(code, int) else 0


def _show_refused(error: click.ClickException) -> None:
    """Show click's own message, which quotes what was typed."""
    said = io.StringIO()
    error.show(said)
    click.echo(visible(said.getvalue()), err=True, nl=False)


def _show_unforeseen(error: Exception) -> int:
    """Show what happened, but no message that may quote a document: stderr may be a log."""
    if os.environ.get("QWENQ_LOG_LEVEL", "").lower() == "debug":
        said = exception_line(error)
    else:
        said = exception_words(error).partition("\n")[0].rstrip(".")
    advice = "please report it; set QWENQ_LOG_LEVEL=debug to see where it happened"
    say(f"qwenq: internal error: {said}; {advice}")
    return INTERNAL_ERROR
