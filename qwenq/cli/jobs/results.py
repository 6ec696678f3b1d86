"""`qwenq results`: write a job's answers."""

from typing import TYPE_CHECKING

import click

from qwenq.cli.options.shared import csv_safe_option, option

if TYPE_CHECKING:
    from qwenq.schemas.settings import Settings


@click.command(name="results")
@click.argument("job", type=int)
@option("-o", "--out", metavar="OUT",
        help="The results file: .jsonl, .csv or .parquet; a path, or a URL such as s3://b/out.parquet "
        "[default: JSONL on stdout].")  # fmt: skip
@option("--errors", metavar="ERR",
        help="The errors file; without errors, an old one is removed [default: OUT with the ending .errors.jsonl; "
        "none for stdout].")  # fmt: skip
@option("--history", metavar="FILE",
        help="A file for the failures that were retried, with any result [default: none].")  # fmt: skip
@option("--parts", metavar="FILE",
        help="A file for the answers to the parts of long documents, and to merges in between "
        "[default: none].")  # fmt: skip
@csv_safe_option
def command(
    job: int, out: str | None, errors: str | None, history: str | None, parts: str | None, csv_safe: bool
) -> int:  # fmt: skip
    """Write JOB's answers so far, in the order of the input.

    In CSV and Parquet, the top-level properties of the job's JSON schema become columns.
    """
    from qwenq import api
    from qwenq.cli.options.settings import read_settings
    from qwenq.exporting import check_outputs, errors_path, write_history, write_parts, write_stdout
    from qwenq.wording.numbers import counted
    from qwenq.wording.output import say

    settings = read_settings()
    api.status(job, settings=settings)
    errors = errors or (errors_path(out) if out else None)
    check_outputs([name for name in (out, errors, history, parts) if name])
    if out is None:
        write_stdout(api.results(job, settings=settings))
    _write_files(job, settings, out, errors, csv_safe)
    if history:
        retried = write_history(history, api.history(job, settings=settings), csv_safe=csv_safe)
        say(f"{counted(retried, 'retried failure')}: {history}" if retried else "no failure was retried")
    if parts:
        written = write_parts(parts, api.parts(job, settings=settings), csv_safe=csv_safe)
        say(
            f"{counted(written, 'answer')} to parts: {parts}" if written else "no document was cut into parts"
        )
    status = api.status(job, settings=settings)
    if not status.state.ended:
        missing = status.documents.pending + status.documents.running
        say(f"job {job} is {status.state}: {counted(missing, 'document')} still to answer")
    return 0


def _write_files(job: int, settings: "Settings", out: str | None, errors: str | None, csv_safe: bool) -> None:
    from qwenq.exporting import write_answers, write_failures
    from qwenq.store.database.opening import open_store
    from qwenq.wording.numbers import counted
    from qwenq.wording.output import say

    with open_store(settings) as store, store.reading() as connection:
        if out:
            written = write_answers(connection, job, out, csv_safe=csv_safe)
            say(f"{counted(written, 'answer')}: {out}")
        failed = write_failures(connection, job, errors, csv_safe=csv_safe) if errors else 0
    if failed:
        say(f"{counted(failed, 'document')} without an answer; the reasons: {errors}")
