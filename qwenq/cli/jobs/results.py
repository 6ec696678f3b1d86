"""`qwenq results`: write a job's answers."""

from typing import TYPE_CHECKING, Any

import click

from qwenq.cli.options.completion import complete_files, complete_jobs
from qwenq.cli.options.files import style_of, style_options
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import option

if TYPE_CHECKING:
    from qwenq.exporting import FileStyle
    from qwenq.schemas.settings import Settings


@click.command(
    name="results", cls=Command, examples=("qwenq results 7 -o answers.csv", "qwenq results 7 | head")
)
@click.argument("job", type=int, shell_complete=complete_jobs)
@option("-o", "--out", metavar="OUT", shell_complete=complete_files,
        help="The results file: .jsonl, .csv, .parquet or .xlsx; a path, or a URL such as s3://b/out.parquet "
        "[default: JSONL on stdout, unless another file is asked for].")  # fmt: skip
@option("--errors", metavar="ERR", shell_complete=complete_files,
        help="The errors file; without errors, an old one is removed [default: OUT with the ending .errors.jsonl; "
        "none for stdout].")  # fmt: skip
@option("--history", metavar="FILE", shell_complete=complete_files,
        help="A file for the failures that were retried, with any result [default: none].")  # fmt: skip
@option("--parts", metavar="FILE", shell_complete=complete_files,
        help="A file for the answers to the parts of long documents, and to merges in between "
        "[default: none].")  # fmt: skip
@style_options
def command(
    job: int, out: str | None, errors: str | None, history: str | None, parts: str | None, **options: Any
) -> int:  # fmt: skip
    """Write JOB's answers so far, in the order of the input.

    In CSV, Parquet and Excel, the top-level properties of the job's JSON schema become columns.
    """
    from qwenq import api
    from qwenq.cli.options.settings import read_settings
    from qwenq.exporting import check_outputs, errors_path, write_history, write_parts
    from qwenq.wording.numbers import counted
    from qwenq.wording.output import say

    style = style_of(options)
    settings = read_settings()
    api.status(job, settings=settings)
    errors = errors or (errors_path(out, style.output_format) if out else None)
    check_outputs([name for name in (out, errors, history, parts) if name], style=style, answers=out)
    prints = not (out or errors or history or parts)
    _write_files(job, settings, out, errors, style, prints=prints)
    if history:
        retried = write_history(history, api.history(job, settings=settings), style)
        say(f"{counted(retried, 'retried failure')}: {history}" if retried else "no failure was retried")
    if parts:
        written = write_parts(parts, api.parts(job, settings=settings), style)
        say(
            f"{counted(written, 'answer')} to parts: {parts}" if written else "no document was cut into parts"
        )
    status = api.status(job, settings=settings)
    if prints and status.documents.failed:
        say(
            f"{counted(status.documents.failed, 'document')} without an answer; --errors FILE writes the reasons"
        )
    if not status.state.ended:
        missing = status.documents.pending + status.documents.running
        say(f"job {job} is {status.state}: {counted(missing, 'document')} still to answer")
    return 0


def _write_files(
    job: int, settings: "Settings", out: str | None, errors: str | None, style: "FileStyle", *, prints: bool
) -> None:
    from qwenq.exporting import check_kept_of_job, print_answers, write_answers, write_failures
    from qwenq.store.database.opening import open_made_store
    from qwenq.wording.numbers import counted
    from qwenq.wording.output import say

    with open_made_store(settings) as store, store.reading() as connection:
        check_kept_of_job(connection, job, style.keep_columns)
        if out:
            written = write_answers(connection, job, out, style)
            say(f"{counted(written, 'answer')}: {out}")
        elif prints:
            print_answers(connection, job, style)
        failed = write_failures(connection, job, errors, style) if errors else 0
    if failed:
        say(f"{counted(failed, 'document')} without an answer; the reasons: {errors}")
    elif errors and not out:
        say("no document failed")
