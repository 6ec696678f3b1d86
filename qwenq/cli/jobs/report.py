"""`qwenq report`: what became of a job, on one page."""

import math

import click

from qwenq.cli.options.shared import json_option, option


@click.command(name="report")
@click.argument("job", type=int)
@option(
    "-o",
    "--out",
    twin="QWENQ_REPORT_OUT",
    metavar="OUT",
    help="The page: a path that ends in .html, or a URL as s3://bucket/report.html.",
)
@option("--gpu-hour-price", type=click.FloatRange(0), metavar="PRICE",
        help="What an hour of one device costs: the report tells what the job did.")  # fmt: skip
@option("--currency", default="USD", show_default=True, metavar="NAME", help="What the price is in.")
@option("--samples", type=click.IntRange(0, 100), default=5, show_default=True,
        help="How many answers are shown beside their documents; 0 leaves out all text.")  # fmt: skip
@json_option
def command(
    job: int, out: str | None, gpu_hour_price: float | None, currency: str, samples: int, as_json: bool
) -> int:
    """Write what became of JOB: counts, failures by cause, tokens, time of devices, cost, plots, samples.

    The page needs no network and no script. With QWENQ_SHOW_TEXT=false it shows no text of documents either. With
    --json, the same is told in numbers. A job that is not at its end is told as it stands.
    """
    from qwenq.report.facts import ReportOptions
    from qwenq.report.gathering import gather_report
    from qwenq.schedules.changes import changes_section
    from qwenq.schemas.errors import InvalidParameter, UnknownJob
    from qwenq.schemas.settings import load_settings
    from qwenq.store.database.opening import open_store
    from qwenq.wording.output import print_json, say

    if out is None and not as_json:
        raise InvalidParameter(
            name="--out",
            reason="say where the page goes, as in -o report.html, or take the numbers with --json",
        )
    if gpu_hour_price is not None and not math.isfinite(gpu_hour_price):
        raise InvalidParameter(name="--gpu-hour-price", reason="it must be a number")
    if out:
        from qwenq.report.page import check_page, write_page

        check_page(out)
    settings = load_settings()
    options = ReportOptions(
        samples=samples, show_text=settings.show_text, gpu_hour_price=gpu_hour_price, currency=currency
    )
    with open_store(settings) as store:
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
        say(f"job {job} is {report.job.state}: the report tells how it stands now")
    return 0
