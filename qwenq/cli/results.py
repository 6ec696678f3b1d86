"""`qwenq results`: a job's answers."""

from pathlib import Path

import click

from qwenq.cli.options import option


@click.command(name="results")
@click.argument("job", type=int)
@option("-o", "--out", type=click.Path(path_type=Path), metavar="OUT",
        help="The results file: .jsonl or .csv [default: JSONL on stdout].")  # fmt: skip
@option("--errors", type=click.Path(path_type=Path), metavar="ERR",
        help="The errors file [default: OUT with the ending .errors.jsonl; none for stdout].")  # fmt: skip
@option("--history", type=click.Path(path_type=Path), metavar="FILE",
        help="A file for the failures that were retried, whatever came of them [default: none].")  # fmt: skip
def command(job: int, out: Path | None, errors: Path | None, history: Path | None) -> int:
    """Write JOB's answers so far, in the order of the input."""
    from qwenq import api
    from qwenq.exporting import (
        check_outputs,
        errors_path,
        write_errors,
        write_history,
        write_results,
        write_stdout,
    )
    from qwenq.telling import say

    api.status(job)
    answers = api.results(job)
    errors = errors or (errors_path(out) if out else None)
    check_outputs([path for path in (out, errors, history) if path])
    if out is None:
        write_stdout(answers)
    else:
        count = write_results(out, answers)
        say(f"{count:,} answers: {out}")
    failed = write_errors(errors, api.errors(job)) if errors else 0
    if failed:
        say(f"{failed:,} documents have no answer; why: {errors}")
    if history:
        retried = write_history(history, api.history(job))
        say(f"{retried:,} failures were retried: {history}" if retried else "no failure was retried")
    status = api.status(job)
    if not status.state.ended:
        say(f"job {job} is {status.state}: {status.documents.pending + status.documents.running:,} to come")
    return 0
