"""Cases drawn by Hypothesis: documents of every kind, in groups that come late."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from qwenq.schemas.requests import BatchMetrics, Completion, EngineHooks, Request
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine
from tests.unit.worker.engines.asking import INSTRUCTION, ask
from tests.unit.worker.engines.transformers.alone import MOST_NEW

ASKED_EXAMPLES = os.environ.get("FAITHFUL_EXAMPLES")
LONGEST_WAIT = 0.02  # seconds to wait for a step, which may never come

CASES = settings(
    max_examples=int(ASKED_EXAMPLES or 4),
    derandomize=ASKED_EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a failing case takes minutes: show the first one if time is short.
    phases=list(Phase) if ASKED_EXAMPLES else [Phase.explicit, Phase.generate],
)

WORDS = ("The", "invoice", "of", "Müller", "&", "Sons", "is", "due: 12 May", "1,250.00", "東京", "naïve\n")
LONG = "The parties agree to the terms below, and to no others. "
SHARED = (  # of about 25, 90 and 170 tokens
    "Summarise the contract in one sentence: ",
    "You read invoices. " * 3 + "Give the total, the date and the name of who pays. ",
    "The terms are these: " + LONG * 5,
)
CONTEXT_CHARS = 2_000  # more than any context in the tests holds


def _long(count: int) -> str:
    return "".join(f"{number} {LONG}" for number in range(count))


TEXTS = st.one_of(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=25).map(" ".join),
    st.integers(0, 10**12).map(str),
    st.sampled_from("aZ7.é東"),
    st.text(max_size=15),
    st.integers(1, 14).map(_long),
    st.sampled_from([LONG, "the same in many places", "12345 " * 30]),
    st.just(_long(40)[:CONTEXT_CHARS]),
)
INSTRUCTIONS = st.sampled_from(["", INSTRUCTION, *SHARED])


@dataclass(frozen=True)
class Case:
    """Requests in order, and the limits of the engine that answers them.

    `groups` come one after the other, each `waits` steps of the engine after the one before; keys are the
    places of the documents. `rows` and `tokens` are the engine's limits of a batch.
    """

    groups: tuple[tuple[Request, ...], ...]
    waits: int
    rows: int
    tokens: int

    @property
    def requests(self) -> list[Request]:
        """All requests, in order."""
        return [request for group in self.groups for request in group]


@st.composite
def cases(draw: st.DrawFn, params: st.SearchStrategy[dict[str, Any]]) -> Case:
    """Draw a case. `params` draws each document's parameters, except limit and overflow."""
    # Most jobs have one instruction, which makes long shared prefixes.
    instructions = st.just(draw(INSTRUCTIONS)) if draw(st.booleans()) else INSTRUCTIONS
    count = draw(st.integers(1, 12))
    borders = draw(st.lists(st.integers(0, count), max_size=3).map(sorted))
    return Case(
        groups=tuple(
            tuple(draw(_request(key, group, instructions, params)) for key in range(first, last))
            for group, (first, last) in enumerate(zip([0, *borders], [*borders, count], strict=True))
        ),
        waits=draw(st.integers(0, 12)),
        rows=draw(st.integers(1, 8)),
        tokens=draw(st.sampled_from([1, 300, 1_500, 32_768])),
    )


@st.composite
def _request(
    draw: st.DrawFn,
    key: int,
    group: int,
    instructions: st.SearchStrategy[str],
    params: st.SearchStrategy[dict[str, Any]],
) -> Request:
    return ask(
        draw(TEXTS),
        key,
        group=group,
        instruction=draw(instructions),
        max_new_tokens=draw(st.integers(1, MOST_NEW)),
        on_overflow=draw(st.sampled_from(["truncate", "fail"])),
        **draw(params),
    )


def everything(rows: int, tokens: int) -> Case:
    """Make a case for every run: more documents than rows, of all lengths, many with a shared prefix."""
    texts = [
        "a",
        LONG,
        _long(3),
        " ".join(WORDS),
        LONG,
        "7",
        _long(14),
        _long(40)[:CONTEXT_CHARS],
        "12345 " * 30,
    ]
    requests = [
        ask(
            text,
            key=9 * group + place,
            group=group,
            instruction=SHARED[(group + place) // 2 % 3],
            max_new_tokens=1 + 7 * place % MOST_NEW,
            on_overflow="truncate",
        )
        for group in range(3)
        for place, text in enumerate(texts)
    ]
    groups = tuple(tuple(one for one in requests if one.group == group) for group in range(3))
    return Case(groups, waits=9, rows=rows, tokens=tokens)


def answered(
    folder: Path, case: Case, on_batch: Callable[[BatchMetrics], None] = lambda _: None
) -> dict[int, Completion]:
    """Answer a case with a new engine. Returns completions by key."""
    steps = Semaphore(0)

    def coming() -> Iterator[Request]:
        for place, group in enumerate(case.groups):
            for _ in range(case.waits if place else 0):
                steps.acquire(timeout=LONGEST_WAIT)
            yield from group

    engine = TransformersEngine(
        str(folder),
        EngineOptions("cpu", batch_rows=case.rows, batch_tokens=case.tokens),
        EngineHooks(on_step=steps.release, on_batch=on_batch),
    )
    engine.load()
    completions = list(engine.generate(coming()))
    by_key = {completion.key: completion for completion in completions}
    assert len(completions) == len(by_key), "a document was answered twice"
    assert sorted(by_key) == [request.key for request in case.requests]
    return by_key
