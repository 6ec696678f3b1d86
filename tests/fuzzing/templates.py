"""Render drawn templates with drawn documents, and report the longest call: `python -m tests.fuzzing.templates`.

Each template is rendered with several documents, each in one call whose time is taken: in this process by processor
time. Then a share of them is rendered as a worker does it, one after the other, by the wall clock of the caller. The
directed search comes first. The same seed gives the same cases; `--case 1:77` runs one template again.
"""

import argparse
import faulthandler
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from qwenq.schemas.errors import InvalidTemplate
from qwenq.schemas.prompts.compiled import CompiledTemplate, Failed
from qwenq.schemas.prompts.template import Template
from tests.fuzzing.directed import LARGEST, Columns, searches
from tests.fuzzing.drawn_templates import Drawing

DOCUMENTS = 50
"""How many documents each template is rendered with."""
AS_WORKER = 3
"""How many of these a template is rendered with as a worker does it."""
WORKER_SHARE = 50
"""One of so many renderings is made as a worker makes it."""
SLICE = 20
REPORT_EACH = 5_000
"""After so many renderings, what is known so far is written to stderr."""
MOST_SECONDS = 2.0
_HANGING_SECONDS = 1800
_BOUNDS = (0.001, 0.01, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0)


@dataclass(slots=True)
class Tally:
    """What was tried, and how long it took: in this process by processor time, confined by the wall clock."""

    renderings: int = 0
    templates: int = 0
    texts: int = 0
    seconds: Counter[float] = field(default_factory=Counter)
    as_worker: Counter[float] = field(default_factory=Counter)
    longest_as_worker: tuple[float, str] = (0.0, "")
    longest_work: tuple[float, str] = (0.0, "")
    longest_compile: tuple[float, str] = (0.0, "")

    def note(self, seconds: float, case: str, outcome: str | Failed) -> None:
        """Note a rendering in this process."""
        self.renderings += 1
        self.texts += not isinstance(outcome, Failed)
        self.seconds[_bound(seconds)] += 1
        self.longest_work = max(self.longest_work, (seconds, case))

    def note_as_worker(self, seconds: float, case: str) -> None:
        """Note a rendering as a worker makes it."""
        self.as_worker[_bound(seconds)] += 1
        self.longest_as_worker = max(self.longest_as_worker, (seconds, case))

    def add(self, other: "Tally") -> None:
        """Add another tally to this one."""
        self.renderings += other.renderings
        self.templates += other.templates
        self.texts += other.texts
        self.seconds.update(other.seconds)
        self.as_worker.update(other.as_worker)
        self.longest_as_worker = max(self.longest_as_worker, other.longest_as_worker)
        self.longest_work = max(self.longest_work, other.longest_work)
        self.longest_compile = max(self.longest_compile, other.longest_compile)


def _bound(seconds: float) -> float:
    return next((bound for bound in _BOUNDS if seconds < bound), float("inf"))


def tried(seed: str, documents: Sequence[Columns]) -> Tally:
    """Draw a template, and render it with these documents."""
    tally, drawing = Tally(), Drawing(seed)
    source = drawing.template()
    began = time.thread_time()
    try:
        template = CompiledTemplate(source)
    except InvalidTemplate:
        return tally
    finally:
        tally.longest_compile = (time.thread_time() - began, seed)
    tally.templates = 1
    for place, columns in enumerate(documents):
        case = f"{seed} document {place}"
        began = time.thread_time()
        outcome = template.render(columns)
        tally.note(time.thread_time() - began, case, outcome)
    return tally


def tried_as_worker(seed: int, renderings: int, seconds: float) -> Tally:
    """Render as a worker does, one after the other, until there are enough or no time is left."""
    tally, until = Tally(), time.monotonic() + seconds
    for number in count():
        if number % SLICE == 0:
            documents = documents_of(seed, number)
        try:
            template = Template(Drawing(f"{seed}:{number}").template())
        except InvalidTemplate:
            continue
        for place in range(number % DOCUMENTS, DOCUMENTS, DOCUMENTS // AS_WORKER):
            began = time.monotonic()
            template.undefined_name(documents[place])
            tally.note_as_worker(time.monotonic() - began, f"{seed}:{number} document {place}")
        if tally.as_worker.total() >= renderings or time.monotonic() > until:
            break
    return tally


def documents_of(seed: int, first: int) -> Sequence[Columns]:
    """The documents for a slice of templates."""
    drawing = Drawing(f"{seed}:{first} documents")
    return [drawing.columns() for _ in range(DOCUMENTS)]


def tried_slice(seed: int, first: int) -> Tally:
    """A slice of templates. Ends the process with its stack if one of them hangs."""
    tally, documents = Tally(), documents_of(seed, first)
    for place in range(first, first + SLICE):
        faulthandler.dump_traceback_later(_HANGING_SECONDS, exit=True)
        tally.add(tried(f"{seed}:{place}", documents))
    faulthandler.cancel_dump_traceback_later()
    return tally


def tried_in_processes(seed: int, renderings: int, processes: int, seconds: float) -> Tally:
    """Slices until there are enough renderings, or no time is left."""
    tally, until, reported = Tally(), time.monotonic() + seconds, 0
    with ProcessPoolExecutor(processes) as pool:
        firsts = iter(range(0, sys.maxsize, SLICE))
        waiting = {pool.submit(tried_slice, seed, next(firsts)) for _ in range(2 * processes)}
        while waiting:
            done = next(as_completed(waiting))
            waiting.remove(done)
            tally.add(done.result())
            if tally.renderings // REPORT_EACH > reported:
                reported = tally.renderings // REPORT_EACH
                sys.stderr.write("\n".join(("so far:", *lines_of(tally), "")))
            if tally.renderings < renderings and time.monotonic() < until:
                waiting.add(pool.submit(tried_slice, seed, next(firsts)))
    return tally


def lines_of(tally: Tally) -> Iterator[str]:
    """The report."""
    yield f"{tally.renderings:,} renderings of {tally.templates:,} templates, {tally.texts:,} gave a text"
    for what, counts, longest in (
        ("processor time", tally.seconds, tally.longest_work),
        ("as a worker, by the wall clock", tally.as_worker, tally.longest_as_worker),
    ):
        yield f"{what}: {counts.total():,} calls, the longest {longest[0]:.3f} s (case {longest[1]})"
        for bound in sorted(counts):
            yield f"  below {bound:>6} s   {counts[bound]:>9,}"
    yield "longest to compile          {:.3f} s   {}".format(*tally.longest_compile)


def main() -> int:
    """Run the search. Returns the exit code: 1 if a call took MOST_SECONDS."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing.templates", description=__doc__)
    parser.add_argument("--renderings", type=int, default=1_000_000, help="how many, at least")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--minutes", type=float, default=600.0, help="how long at most")
    parser.add_argument("--no-directed", action="store_true", help="leave out the directed search")
    parser.add_argument("--no-worker", action="store_true", help="leave out the renderings as a worker's")
    parser.add_argument("--case", help="print and run one template: SEED:NUMBER")
    options = parser.parse_args()
    write = partial(print, flush=True)
    if options.case:
        seed, number = map(int, options.case.split(":"))
        write(Drawing(options.case).template())
        for line in lines_of(tried(options.case, documents_of(seed, number // SLICE * SLICE))):
            write(line)
        return 0
    longest = 0.0
    if not options.no_directed:
        found = sorted((search.longest(LARGEST) for search in searches()), key=lambda call: -call.seconds)
        longest = found[0].seconds
        write(f"directed search, {len(found):,} templates and columns at several sizes; the longest:")
        for call in found[:20]:
            write(f"  {call.seconds:.3f} s   {call.source}   {call.columns}, {call.size:,} characters")
    tally = tried_in_processes(options.seed, options.renderings, options.processes, 60 * options.minutes)
    if not options.no_worker:
        share = options.renderings // WORKER_SHARE
        tally.add(tried_as_worker(options.seed, share, 60 * options.minutes))
    write(f"seed {options.seed}, {options.processes} processes, load {os.getloadavg()[0]:.1f}")
    for line in lines_of(tally):
        write(line)
    return int(max(longest, tally.longest_work[0], tally.longest_as_worker[0]) >= MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
