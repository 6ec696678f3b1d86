"""Renders a report as one self-contained HTML page: no scripts, no other files, no other hosts."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from qwenq.exporting.destinations import Address, destination_of
from qwenq.report.facts import Report
from qwenq.report.svg_plots import report_plots
from qwenq.schemas.errors import OutputNotWritable
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.log.visible import visible
from qwenq.wording import numbers

TEMPLATES = Path(__file__).parent / "templates"
ENDINGS = (".html", ".htm")


def check_page(address: Address) -> None:
    """Check that a page can be written there. Raises OutputNotWritable, MissingExtra."""
    if not str(address).lower().endswith(ENDINGS):
        raise OutputNotWritable(path=str(address), reason="its name must end in .html")
    destination_of(address).check()


def write_page(address: Address, report: Report) -> None:
    """Write a report as a page. Raises OutputNotWritable, MissingExtra."""
    with destination_of(address).writing() as output:
        output.write(render_page(report).encode("utf-8", "replace"))


def render_page(report: Report) -> str:
    """Render a report as HTML. All text is escaped."""
    defaults = GenerationParams()
    given = {
        name: value
        for name, value in report.asked.params
        if value != getattr(defaults, name) and name not in ("response_format", "sampling")
    }
    plots = report_plots(report.distributions, report.progress, report.job.tokens_per_second)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            job=report.job,
            asked=report.asked,
            given=given,
            schema=report.asked.params.response_format.schema_text,
            with_gpu=any(not device.device.startswith("cpu") for device in report.devices),
            plots=[(plot, Markup(plot.svg)) for plot in plots],  # noqa: S704 - drawn from numbers
        )
    )


def _money(amount: float) -> str:
    """Format an amount with two decimals, or two significant digits below 1."""
    return f"{amount:,.2f}" if amount >= 1 or not amount else f"{amount:.2g}"


def _visible(value: Any) -> Any:
    """Make control characters of text visible: some turn the order of what is read."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": numbers.number,
        "counted": numbers.counted,
        "duration": numbers.duration,
        "moment": numbers.moment,
        "percent": numbers.percent,
        "money": _money,
    }
    return environment
