"""`qwenq run`: answer files now, with nothing running before or after."""

import sys
from pathlib import Path
from typing import Any

import click

from qwenq.cli.options.completion import complete_files
from qwenq.cli.options.files import style_of, style_options
from qwenq.cli.options.job import job_options
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import LOADING, json_option, loading_options, option


@click.command(
    name="run",
    cls=Command,
    examples=(
        "qwenq run reviews.csv --model Qwen/Qwen3-8B --prompt 'Summarise: {{ text }}' -o answers.csv",
        "qwenq run contracts/ --model Qwen/Qwen3-8B --template extract -o fields.xlsx",
    ),
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=complete_files)
@option("-o", "--out", metavar="OUT", shell_complete=complete_files,
        help="The results file: .jsonl, .csv, .parquet or .xlsx; a path, or a URL such as "
        "s3://b/out.parquet.")  # fmt: skip
@option("--errors", metavar="ERR", shell_complete=complete_files,
        help="The errors file; without errors, an old one is removed "
        "[default: OUT with the ending .errors.jsonl].")  # fmt: skip
@style_options
@job_options
@loading_options
@json_option
def command(
    files: tuple[str, ...], out: str | None, errors: str | None, dry_run: bool, as_json: bool, **options: Any
) -> int:  # fmt: skip
    """Answer FILEs and write OUT. Starts its own Redis, SQLite file and worker, and stops them at its end.

    FILE is a file, a quoted pattern, a folder or a URL: of rows (JSONL, CSV, TSV, Parquet, .xlsx) or of
    documents (text, HTML, PDF, .docx); - is standard input. After Ctrl-C, the same command goes on where it stopped.
    With QWENQ_BROKER_URL and QWENQ_DATABASE_URL, it uses those instead of its own.
    """
    from qwenq.cli.options.requests import read_request, show_preview
    from qwenq.cli.options.settings import about_home, read_settings
    from qwenq.embedded.home import TypedCommand
    from qwenq.embedded.one_shot import Outputs, run_one_shot
    from qwenq.exporting import errors_path
    from qwenq.schemas.errors import InvalidParameter
    from qwenq.wording.jobs import show_answers
    from qwenq.wording.outcomes import say_outcomes
    from qwenq.wording.output import print_json, say

    style = style_of(options)
    settings = read_settings(**{name: options.pop(name) for name in ("model", *LOADING)})
    price = options.pop("gpu_hour_price")
    request = read_request(files, options)
    outputs = None if out is None else Outputs(out, errors or errors_path(out, style.output_format), style)
    if outputs is not None:
        outputs.check(files, trying=False)
    if dry_run:
        return show_preview(request, settings, as_json, price, style.keep_columns)
    if outputs is None:
        raise InvalidParameter(name="--out", reason="say where to write the answers, as in -o answers.jsonl")
    for warning in about_home(settings):
        say(warning)
    if Path(out or "").is_file():
        say(f"{out} exists; the answers will replace it")
    result = run_one_shot(request, settings, outputs, TypedCommand(tuple(sys.argv[1:]), str(Path.cwd())))
    status = result.status
    if as_json:
        print_json(status)
    else:
        show_answers(status, result.first_results)
    say_outcomes(status.documents, result.reasons, f"the reasons: {outputs.errors}")
    return 1 if status.documents.failed or status.documents.cancelled else 0
