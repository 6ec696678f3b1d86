"""`qwenq report`: write one page on a job, or what a tenant used."""

import math
from typing import TYPE_CHECKING

import click

from qwenq.cli.options.completion import complete_files, complete_jobs
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option, option

if TYPE_CHECKING:
    from datetime import datetime

    from qwenq.report.facts import ReportOptions


@click.command(
    name="report",
    cls=Command,
    examples=(
        "qwenq report 7 -o report.html --gpu-hour-price 2.50",
        "qwenq report --tenant acme --month 2026-11 --gpu-hour-price 2.50",
    ),
)
@click.argument("job", type=int, required=False, shell_complete=complete_jobs)
@option(
    "-o",
    "--out",
    twin="QWENQ_REPORT_OUT",
    metavar="OUT",
    shell_complete=complete_files,
    help="Where to write the page: a path that ends in .html, or a URL such as s3://bucket/report.html.",
)
@option("--tenant", help="Instead of a job: show what this tenant used in a month, and the cost.")
@option(
    "--month",
    type=click.DateTime(["%Y-%m"]),
    metavar="MONTH",
    help="The month of --tenant, such as 2026-11, in UTC; else the present one.",
)
@option("--gpu-hour-price", type=click.FloatRange(0), metavar="PRICE",
        help="The price of one device for an hour; the report then shows the cost.")  # fmt: skip
@option("--currency", default="USD", show_default=True, metavar="NAME", help="The currency of the price.")
@option("--samples", type=click.IntRange(0, 100), default=5, show_default=True,
        help="How many answers to show beside their documents; 0 leaves out all text.")  # fmt: skip
@json_option
def command(
    job: int | None,
    out: str | None,
    tenant: str | None,
    month: "datetime | None",
    gpu_hour_price: float | None,
    currency: str,
    samples: int,
    as_json: bool,
) -> int:
    """Write one page on JOB: counts, failures by cause, tokens, device time, cost, plots, samples.

    The page needs no network and no script. QWENQ_SHOW_TEXT=false leaves out all text of documents. --json prints the
    numbers. For a job that has not ended, the report shows it as it is now. With --tenant it shows what a tenant used
    in a month instead, by owner and model.
    """
    from qwenq.schemas.errors import InvalidParameter

    if gpu_hour_price is not None and not math.isfinite(gpu_hour_price):
        raise InvalidParameter(name="--gpu-hour-price", reason="it must be a number")
    if (job is None) == (tenant is None):
        raise InvalidParameter(name="JOB, --tenant", reason="give the number of a job, or a tenant")
    if tenant is not None:
        if out is not None:
            raise InvalidParameter(
                name="--out", reason="what a tenant used is printed; use --json for programs"
            )
        return _show_usage(tenant, month, gpu_hour_price, currency, as_json=as_json)
    if out is None and not as_json:
        raise InvalidParameter(
            name="--out",
            reason="say where to write the page, as in -o report.html, or print the numbers with --json",
        )
    from qwenq.cli.options.settings import read_settings
    from qwenq.report.facts import ReportOptions

    options = ReportOptions(
        samples=samples,
        show_text=read_settings().show_text,
        gpu_hour_price=gpu_hour_price,
        currency=currency,
    )
    return _write(job or 0, out, options, as_json=as_json)


def _write(job: int, out: str | None, options: "ReportOptions", *, as_json: bool) -> int:
    from qwenq.cli.options.settings import read_settings
    from qwenq.report.gathering import gather_report
    from qwenq.schedules.changes import changes_section
    from qwenq.schemas.errors import UnknownJob
    from qwenq.store.database.opening import open_made_store
    from qwenq.wording.output import print_json, say

    if out:
        from qwenq.report.page import check_page, write_page

        check_page(out)
    with open_made_store(read_settings()) as store:
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


def _show_usage(
    tenant: str, month: "datetime | None", gpu_hour_price: float | None, currency: str, *, as_json: bool
) -> int:
    from qwenq.cli.options.settings import read_settings
    from qwenq.report.usage import gather_usage
    from qwenq.store.database.clock import moment_of
    from qwenq.store.database.opening import open_made_store
    from qwenq.store.tenants.tenants import find_tenant
    from qwenq.wording.output import print_json, show
    from qwenq.wording.usage import usage_lines

    with open_made_store(read_settings()) as store, store.reading() as connection:
        day = (month or moment_of(connection)).date()
        find_tenant(connection, tenant)
        report = gather_usage(connection, tenant, day, gpu_hour_price, currency)
    if as_json:
        print_json(report)
        return 0
    for line in usage_lines(report):
        show(line)
    return 0
