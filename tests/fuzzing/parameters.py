"""Hostile parameters in rows beside good rows: `python -m tests.fuzzing.parameters --rows 10000 --seed 1`.

The rows are read as `submit` reads them, and answered by an engine with the tiny model. Every good row must be answered
as it is without the others, and 99 of 100 preparations must take under a second.
"""

import argparse
import io
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import orjson
import torch

from qwenq.producer.reading import Format
from qwenq.producer.reading.rows import read_rows
from qwenq.schemas.documents import BadRow, Document
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.requests import EngineHooks, Request
from qwenq.worker.engines.memory import readable, resident_bytes
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.choosing import masking
from qwenq.worker.engines.transformers.choosing.grammar import Grammar
from qwenq.worker.engines.transformers.engine import TransformersEngine
from tests.fuzzing.hostile_parameters import hostile_parameters
from tests.processes import TINY_MODEL

MOST_SECONDS = 1.0
HOSTILE_BESIDE_ONE = 9
PARAMS = GenerationParams(max_new_tokens=8)


@dataclass(slots=True)
class Figures:
    """What was measured, in seconds and bytes. `changed` are good rows that were not answered as without the others."""

    reading: list[float] = field(default_factory=list)
    preparing: list[float] = field(default_factory=list)
    masking: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    changed: list[str] = field(default_factory=list)
    resident: int = 0

    @property
    def are_good(self) -> bool:
        """Whether no good row was harmed, and preparing was quick."""
        slowest = max(share(taken, 0.99) for taken in (self.reading, self.preparing, self.masking))
        return not self.changed and slowest < MOST_SECONDS

    def __str__(self) -> str:
        times = {
            "reading a row": self.reading,
            "preparing a document": self.preparing,
            "masks of a step": self.masking,
        }
        lines = [
            f"{name:22} {len(taken):7,} times, median {share(taken, 0.5) * 1000:8.1f} ms, "
            f"99th percentile {share(taken, 0.99) * 1000:8.1f} ms, longest {max(taken, default=0) * 1000:8.1f} ms"
            for name, taken in times.items()
        ]
        told = ", ".join(f"{count:,} {name}" for name, count in sorted(self.outcomes.items()))
        return "\n".join(
            [
                *lines,
                told,
                f"good rows changed: {len(self.changed)}; resident memory +{readable(self.resident)}",
            ]
        )


def share(taken: Sequence[float], part: float) -> float:
    """A percentile; 0 of nothing."""
    return sorted(taken)[int(part * (len(taken) - 1))] if taken else 0.0


def measure(rows: int, seed: int) -> Figures:
    """Read and answer so many hostile rows, with a good row beside every few."""
    figures = Figures()
    good = [_line(f"good-{place}", {}) for place in range(rows // HOSTILE_BESIDE_ONE + 1)]
    mixed = good[:1]
    for place, body in enumerate(hostile_parameters(seed, rows)):
        mixed.append(_line(f"hostile-{place}", body))
        if place % HOSTILE_BESIDE_ONE == HOSTILE_BESIDE_ONE - 1:
            mixed.append(good[(place + 1) // HOSTILE_BESIDE_ONE])
    alone = _answers(good, Figures())
    before = resident_bytes()
    among = _answers(mixed, figures)
    figures.resident = max(0, resident_bytes() - before)
    figures.changed = [id_ for id_, text in alone.items() if among.get(id_) != text]
    return figures


def _line(id_: str, body: object) -> bytes:
    question = f"Invoice {id_}\nTotal: 1.50\n\nWhat is the total?"
    asked = {"messages": [{"role": "user", "content": question}], **(body if isinstance(body, dict) else {})}
    return orjson.dumps({"custom_id": id_, "url": "/v1/chat/completions", "body": asked}) + b"\n"


def _answers(lines: list[bytes], figures: Figures) -> dict[str, str]:
    """Each answered row's text."""
    names: dict[int, str] = {}

    def requests() -> Iterator[Request]:
        template = PromptTemplate.from_spec(PromptSpec())
        for key, document in enumerate(_documents(lines, figures)):
            names[key] = document.custom_id
            rendered = template.render(document.content)
            yield Request(key, rendered.prompt, PARAMS.overlaid(rendered.overrides))

    hooks = EngineHooks(lambda: None, lambda _: None, lambda: _timed(figures.preparing))
    engine = TransformersEngine(str(TINY_MODEL), EngineOptions("cpu"), hooks)
    engine.load()
    found: dict[str, str] = {}
    with _masks_timed(figures.masking):
        for completion in engine.generate(requests()):
            figures.outcomes[completion.failure.code if completion.failure else "answered"] += 1
            if completion.failure is None:
                found[names[completion.key]] = completion.text
    return found


def _documents(lines: list[bytes], figures: Figures) -> Iterator[Document]:
    read = iter(read_rows(["-"], Format.JSONL, PromptSpec(), PARAMS, stdin=io.BytesIO(b"".join(lines))))
    while True:
        began = time.perf_counter()
        row = next(read, None)
        figures.reading.append(time.perf_counter() - began)
        if isinstance(row, Document):
            yield row
        elif isinstance(row, BadRow):
            figures.outcomes[row.code] += 1
        else:
            return


@contextmanager
def _timed(taken: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        taken.append(time.perf_counter() - began)


@contextmanager
def _masks_timed(taken: list[float]) -> Iterator[None]:
    """Time the masks of each step: a hostile grammar may be cheap to compile, and slow to follow."""
    real = masking.allowed_bits

    def timed(grammars: Sequence[Grammar], vocabulary: int) -> torch.Tensor:
        with _timed(taken):
            return real(grammars, vocabulary)

    masking.allowed_bits = timed
    try:
        yield
    finally:
        masking.allowed_bits = real


def main() -> int:
    """Measure, and print the figures. Returns 1 if they are not good."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing.parameters", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="how many hostile rows")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures = measure(options.rows, options.seed)
    sys.stdout.write(f"{options.rows:,} hostile rows, seed {options.seed}\n{figures}\n")
    return int(not figures.are_good)


if __name__ == "__main__":
    sys.exit(main())
