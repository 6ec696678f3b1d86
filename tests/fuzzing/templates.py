"""Render drawn templates with drawn documents, and report the longest call: `python -m tests.fuzzing.templates`.

Each template is rendered with several documents, each in one call whose time is taken: in this process by processor
time. One slice of templates in HEAVY_EACH is as large as allowed, with documents as large as allowed; the others are
small. Then each call that was slow, and a share of the others, is made as a worker makes it, one after the other, by
the wall clock of the caller. The directed search comes first. The same seed gives the same cases; `--case 1:77` runs
one template again.
"""

import argparse
import faulthandler
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache, partial
from itertools import count, islice

from qwenq.schemas.errors import InvalidTemplate
from qwenq.schemas.prompts.compiled import CompiledTemplate
from qwenq.schemas.prompts.template import Template
from tests.fuzzing.directed import LARGEST, Call, searches
from tests.fuzzing.drawn_documents import Columns, DocumentDrawing
from tests.fuzzing.drawn_templates import TemplateDrawing
from tests.fuzzing.rendering_times import Tally, lines_of
from tests.fuzzing.scales import HEAVY, LIGHT, Scale

DOCUMENTS = 50
"""How many documents each template is rendered with."""
AS_WORKER = 3
"""How many of these a template is rendered with as a worker does it."""
WORKER_SHARE = 50
"""One of so many renderings is made as a worker makes it, besides the slow ones."""
SLICE = 20
"""How many templates share their documents."""
HEAVY_EACH = 18
REPORT_EACH = 5_000
"""After so many renderings, what is known so far is written to stderr."""
MOST_SECONDS = 2.0
AGAIN = 3
"""So often a call that took MOST_SECONDS by the wall clock is made again: the machine may have had no core for it."""
SHOWN = 20
"""How many calls of the directed search are shown, and made as a worker makes them."""
_REPORT_EACH_AS_WORKER = 500
_HANGING_SECONDS = 1800


def scale_of(number: int) -> Scale:
    """How large the template of this number is, and its documents."""
    return LIGHT if number // SLICE % HEAVY_EACH else HEAVY


def template_of(seed: int, number: int) -> str:
    """The source of a drawn template."""
    return TemplateDrawing(f"{seed}:{number}", scale_of(number)).template()


@lru_cache(maxsize=1)
def documents_of(seed: int, number: int) -> Sequence[Columns]:
    """The documents for the slice of templates that begins with this number."""
    drawing = DocumentDrawing(f"{seed}:{number} documents", scale_of(number))
    return [drawing.columns() for _ in range(DOCUMENTS)]


def tried(seed: int, number: int, documents: Sequence[Columns]) -> Tally:
    """Draw a template, and render it with these documents."""
    tally, source = Tally(), template_of(seed, number)
    began = time.thread_time()
    try:
        template = CompiledTemplate(source)
    except InvalidTemplate:
        return tally
    finally:
        tally.longest_compile = (time.thread_time() - began, f"{seed}:{number}")
    tally.templates = 1
    for place, columns in enumerate(documents):
        began = time.thread_time()
        outcome = template.render(columns)
        tally.note(time.thread_time() - began, (number, place), outcome, is_heavy=scale_of(number) is HEAVY)
    return tally


def tried_as_worker(seed: int, cases: Iterator[tuple[int, int]], seconds: float) -> Tally:
    """Render these templates with these documents as a worker does, one after the other, until no time is left."""
    tally, until = Tally(), time.monotonic() + seconds
    for number, place in cases:
        columns = documents_of(seed, number // SLICE * SLICE)[place]
        try:
            template = Template(template_of(seed, number))
        except InvalidTemplate:
            continue
        took = _as_worker(template, columns)
        if took >= MOST_SECONDS:
            again = [_as_worker(template, columns) for _ in range(AGAIN)]
            sys.stderr.write(f"as a worker {took:.3f} s, again {again}: {seed}:{number} document {place}\n")
            took = min(again)
        tally.note_as_worker(took, (number, place))
        if tally.as_worker.total() % _REPORT_EACH_AS_WORKER == 0:
            longest = tally.longest_as_worker[0]
            sys.stderr.write(f"as a worker: {tally.as_worker.total():,} calls, longest {longest:.3f} s\n")
        if time.monotonic() > until:
            break
    return tally


def share() -> Iterator[tuple[int, int]]:
    """Some documents of each template, by their numbers."""
    for number in count():
        for place in range(number % DOCUMENTS, DOCUMENTS, DOCUMENTS // AS_WORKER):
            yield number, place


def tried_slice(seed: int, first: int) -> Tally:
    """A slice of templates. Ends the process with its stack if one of them hangs."""
    tally, documents = Tally(), documents_of(seed, first)
    for number in range(first, first + SLICE):
        faulthandler.dump_traceback_later(_HANGING_SECONDS, exit=True)
        tally.add(tried(seed, number, documents))
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


def searched(processes: int) -> Iterator[tuple[Call, float]]:
    """The longest calls of the directed search, each with its time as a worker's."""
    everything = searches()
    with ProcessPoolExecutor(processes) as pool:
        calls = []
        for call in pool.map(_longest, range(len(everything)), chunksize=8):
            calls.append(call)
            if len(calls) % (len(everything) // 10) == 0:
                longest = max(one.seconds for one in calls)
                sys.stderr.write(
                    f"directed: {len(calls):,} of {len(everything):,}, longest {longest:.3f} s\n"
                )
    for place in sorted(range(len(calls)), key=lambda place: -calls[place].seconds)[:SHOWN]:
        columns = everything[place].columns_of(calls[place].size)
        yield calls[place], _as_worker(Template(calls[place].source), columns)


def _longest(place: int) -> Call:
    return searches()[place].longest(LARGEST)


def _as_worker(template: Template, columns: Columns) -> float:
    began = time.monotonic()
    template.undefined_name(columns)
    return time.monotonic() - began


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
        write(template_of(seed, number))
        for line in lines_of(tried(seed, number, documents_of(seed, number // SLICE * SLICE))):
            write(line)
        return 0
    longest = 0.0
    if not options.no_directed:
        write(f"directed search, {len(searches()):,} templates and columns at several sizes; the longest:")
        for call, took in searched(options.processes):
            longest = max(longest, call.seconds, took)
            write(f"  {call.seconds:.3f} s, as a worker {took:.3f} s   {call}")
    tally = tried_in_processes(options.seed, options.renderings, options.processes, 60 * options.minutes)
    if not options.no_worker:
        some = islice(share(), options.renderings // WORKER_SHARE)
        for cases in (iter(tally.slow_cases()), some):
            tally.add(tried_as_worker(options.seed, cases, 60 * options.minutes))
    write(f"seed {options.seed}, {options.processes} processes, load {os.getloadavg()[0]:.1f}")
    for line in lines_of(tally):
        write(line)
    return int(max(longest, tally.longest) >= MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
