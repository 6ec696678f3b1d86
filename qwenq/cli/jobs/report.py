"""`qwenq report`: write one page on a job."""

import math

import click

from qwenq.cli.options.completion import complete_files, complete_jobs
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option, option


@click.command(name="report", cls=Command, examples=("qwenq report 7 -o report.html --gpu-hour-price 2.50",))
@click.argument("job", type=int, shell_complete=complete_jobs)
@option(
    "-o",
    "--out",
    twin="QWENQ_REPORT_OUT",
    metavar="OUT",
    shell_complete=complete_files,
    help="Where to write the page: a path that ends in .html, or a URL such as s3://bucket/report.html.",
)
@option("--gpu-hour-price", type=click.FloatRange(0), metavar="PRICE",
        help="The price of one device for an hour; the report then shows the job's cost.")  # fmt: skip
@option("--currency", default="USD", show_default=True, metavar="NAME", help="The currency of the price.")
@option("--samples", type=click.IntRange(0, 100), default=5, show_default=True,
        help="How many answers to show beside their documents; 0 leaves out all text.")  # fmt: skip
@json_option
def command(
    job: int, out: str | None, gpu_hour_price: float | None, currency: str, samples: int, as_json: bool
) -> int:
    """Write one page on JOB: counts, failures by cause, tokens, device time, cost, plots, samples.

    The page needs no network and no script. QWENQ_SHOW_TEXT=false leaves out all text of documents. --json prints the
    numbers. For a job that has not ended, the report shows it as it is now.
    """
    from qwenq.cli.options.settings import read_settings
    from qwenq.report.facts import ReportOptions
    from qwenq.report.gathering import gather_report
    from qwenq.schedules.changes import changes_section
    from qwenq.schemas.errors import InvalidParameter, UnknownJob
    from qwenq.store.database.opening import open_made_store
    from qwenq.wording.output import print_json, say

    if out is None and not as_json:
        raise InvalidParameter(
            name="--out",
            reason="say where to write the page, as in -o report.html, or print the numbers with --json",
        )
    if gpu_hour_price is not None and not math.isfinite(gpu_hour_price):
        raise InvalidParameter(name="--gpu-hour-price", reason="it must be a number")
    if out:
        from qwenq.report.page import check_page, write_page

        check_page(out)
    settings = read_settings()
    options = ReportOptions(
        samples=samples, show_text=settings.show_text, gpu_hour_price=gpu_hour_price, currency=currency
    )
    with open_made_store(settings) as store:
        with store.reading() as connection:
            changes = changes_section(connection, job)
            report = gather_report(connection, job, options, [changes] if changes else [])
        if report is None:
            raise UnknownJob(job_id=job, store=store.url)
    if out:
        write_page(out, report)
        say(f"report: {out}")
    if as_json:
        print_json(report)
    if not report.job.state.ended:
        say(f"job {job} is {report.job.state}: the report shows it as it is now")
    return 0
