"""The report of a benchmark: figures, bars and conditions, as a table or as one JSON document."""

import argparse
import importlib.metadata
import json
import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

DISTRIBUTIONS = ("sqlalchemy", "psycopg", "celery", "redis", "pydantic", "orjson")


@dataclass(frozen=True)
class Figure:
    """One measured number with its name and unit."""

    what: str
    value: float
    unit: str


@dataclass(frozen=True)
class Bar:
    """A figure with the limit that it must meet: `at_least` or `at_most`."""

    what: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool:
        """Whether the figure is within its limits."""
        above = self.at_least is None or self.value >= self.at_least
        return above and (self.at_most is None or self.value <= self.at_most)

    def __str__(self) -> str:
        limit = f"at least {self.at_least:,g}" if self.at_least is not None else f"at most {self.at_most:,g}"
        return f"{'met   ' if self.met else 'MISSED'} {self.what}: {_shown(self.value)} ({limit})"


@dataclass
class Report:
    """The result of one benchmark."""

    title: str
    conditions: Mapping[str, str | int]
    figures: list[Figure] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)

    def add(self, what: str, value: float, unit: str) -> None:
        """Add a figure."""
        self.figures.append(Figure(what, value, unit))


def parser(description: str) -> argparse.ArgumentParser:
    """Make a parser with the options of every benchmark."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--json", action="store_true", help="print one JSON document")
    return options


def conditions(services: Mapping[str, str] | None = None, **sizes: int) -> dict[str, str | int]:
    """Collect what the figures depend on; `services` are servers with their versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    libraries = {name: importlib.metadata.version(name) for name in DISTRIBUTIONS}
    return {
        **sizes,
        "cores": cores,
        "load": f"{os.getloadavg()[0]:.1f}",
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        **(services or {}),
        **libraries,
    }


def tell(report: Report, *, as_json: bool) -> int:
    """Print the report. Returns the exit code: 1 if a bar is missed."""
    if as_json:
        bars = [{**asdict(bar), "met": bar.met} for bar in report.bars]
        print(json.dumps({**asdict(report), "bars": bars}, indent=2))
    else:
        _print(report)
    return 0 if all(bar.met for bar in report.bars) else 1


def _print(report: Report) -> None:
    print(report.title)
    _print_columns([(figure.what, _shown(figure.value), figure.unit) for figure in report.figures])
    for bar in report.bars:
        print(bar)
    print(", ".join(f"{name} {value}" for name, value in report.conditions.items()))


def _print_columns(rows: Sequence[tuple[str, str, str]]) -> None:
    name_width = max(len(name) for name, _, _ in rows)
    value_width = max(len(value) for _, value, _ in rows)
    for name, value, unit in rows:
        print(f"  {name:{name_width}}  {value:>{value_width}} {unit}")


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.3g}"  # noqa: PLR2004
