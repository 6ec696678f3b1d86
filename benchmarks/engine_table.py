"""Results of the engine benchmark: seconds of each way in each round, ratios, figures and bars."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from benchmarks.report import Bar, Figure

ENGINE = "qwenq"
BARS = {"one-by-one": 3.5, "textbook": 2.0, "continuous": 2.5, "vllm": 1.0}
TITLES = {
    "one-by-one": "generate, one by one",
    "textbook": "generate, padded batches of 8",
    "sorted": "the same, sorted by length",
    "continuous": "Transformers' continuous batching",
    "vllm": "vLLM",
    ENGINE: "qwenq's engine",
}


@dataclass(frozen=True)
class Row:
    """One way: its seconds in each round, and their ratios to the engine's."""

    way: str
    seconds: Sequence[float]
    tokens_per_second: float
    ratios: Sequence[float]

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return median(self.ratios)


@dataclass
class Result:
    """All results of a run. Without `judged` there are no bars."""

    rows: list[Row]
    conditions: Mapping[str, str | int]
    judged: bool
    figures: list[Figure] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)

    def __post_init__(self) -> None:
        for row in self.rows:
            if self.judged and row.way in BARS:
                self.bars.append(Bar(TITLES[row.way], row.ratio, at_least=BARS[row.way]))

    def add(self, what: str, value: float, unit: str, *, at_most: float | None = None) -> None:
        """Add a figure, and its bar if there is one."""
        self.figures.append(Figure(what, value, unit))
        if self.judged and at_most is not None:
            self.bars.append(Bar(what, value, at_most=at_most))

    @property
    def met(self) -> bool:
        """Whether every bar is met."""
        return all(bar.met for bar in self.bars)


def rows_of(seconds: Mapping[str, Sequence[float]], new_tokens: int) -> list[Row]:
    """Compare each way with the engine, round by round."""
    own = seconds[ENGINE]
    return [
        Row(
            way=way,
            seconds=spent,
            tokens_per_second=new_tokens / median(spent),
            ratios=[its / ours for its, ours in zip(spent, own, strict=True)],
        )
        for way, spent in seconds.items()
    ]


def tell(result: Result, *, as_json: bool) -> int:
    """Print the result. Returns the exit code: 1 when a bar is missed."""
    print(json.dumps(_as_document(result), indent=2) if as_json else "\n".join(_lines(result)))
    return 0 if result.met else 1


def _as_document(result: Result) -> dict[str, object]:
    return {
        "ways": [{**asdict(row), "title": TITLES[row.way], "ratio": row.ratio} for row in result.rows],
        "figures": [asdict(figure) for figure in result.figures],
        "bars": [{**asdict(bar), "met": bar.met} for bar in result.bars],
        "met": result.met,
        "conditions": dict(result.conditions),
    }


def _lines(result: Result) -> list[str]:
    judged = {bar.what: bar for bar in result.bars}
    lines = [f"{'way':35}{'seconds':>9}{'tokens/s':>10}{'qwenq is faster':>17}{'in a round':>15}  bar"]
    for row in result.rows:
        line = f"{TITLES[row.way]:35}{median(row.seconds):>9.2f}{row.tokens_per_second:>10.1f}"
        if row.way != ENGINE:
            span = f"{min(row.ratios):.2f} to {max(row.ratios):.2f}"
            line += f"{row.ratio:>17.2f}{span:>15}  {_verdict(judged.get(TITLES[row.way]))}"
        lines.append(line.rstrip())
    for figure in result.figures:
        line = f"{figure.what:55}{figure.value:>11,.3f} {figure.unit:22}{_verdict(judged.get(figure.what))}"
        lines.append(line.rstrip())
    lines.append(", ".join(f"{name} {value}" for name, value in result.conditions.items()))
    return lines


def _verdict(bar: Bar | None) -> str:
    if bar is None:
        return ""
    limit = f"at least {bar.at_least:g}" if bar.at_least is not None else f"at most {bar.at_most:g}"
    return f"{'ok' if bar.met else 'UNDER'} ({limit})"
