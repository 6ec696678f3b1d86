"""What a tenant used, in words."""

from collections.abc import Iterator

from qwenq.schemas.service.usage import UsageReport, UsageRow, by_owner_and_model
from qwenq.wording.numbers import counted, number, precise_duration


def usage_lines(report: UsageReport) -> Iterator[str]:
    """A line for each owner with each model, and one for all."""
    yield f"{report.tenant} in {report.month} (UTC)"
    for row in by_owner_and_model(report.used):
        yield f"  {row.owner or 'command line'}, {row.model}: {_facts(row)}"
    cost = "" if report.cost is None else f", {report.cost:,.2f} {report.currency}"
    yield f"in all: {_facts(report.total)}{cost}"


def _facts(row: UsageRow) -> str:
    reused = f" ({number(row.reused)} reused)" if row.reused else ""
    return (
        f"{counted(row.answers, 'answer')}{reused}, {number(row.failures)} failed, "
        f"{number(row.prompt_tokens)} prompt tokens ({number(row.prefix_tokens)} cached), "
        f"{number(row.completion_tokens)} answer tokens ({number(row.reasoning_tokens)} of reasoning), "
        f"{precise_duration(row.device_seconds)} of devices"
    )
