"""Scan all causal language models that Transformers can build: `python -m tests.scan`. Writes a table in Markdown.

Each architecture is shrunk, drawn at random in float32, and answers documents as the engine would let it: packed,
padded, one by one, or not at all. Every answer is compared with `generate` on the document alone. Ends with exit code 1
if an answer differs.
"""

import argparse
import logging
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from qwenq.worker.engines.transformers.loading.kinds import reason_against
from tests.scan.comparing import Compared, compare, some_documents
from tests.scan.families import FAMILIES
from tests.scan.shrunken import POSITIONS, VOCABULARY, random_network, shrunken_network

SECONDS = 240  # the most that an architecture may take
LONGEST_REASON = 110
PAGE = """\
# How each causal language model is answered

`make scan-models` writes this page. It builds each architecture of Transformers {version} small and at random in
float32, lets it answer {documents} documents of 1 to 1,300 tokens in the way that loading chooses for it, and compares
every answer with `generate` on the document alone. Most models are packed or padded. Where documents would change each
other, they are answered one by one. Where even that would differ from `generate`, loading refuses the model. What was
"not tried" the script cannot build small; many of these are no chat models. When a model is loaded, the same choice is
made with its real weights.

{ways}

| architecture | documents are | exact | reason |
|---|---|---|---|
{rows}
"""


def main() -> int:
    """Scan, and print each architecture as soon as it was tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.scan", description=__doc__)
    parser.add_argument("--models", nargs="*", default=[], help="only these architectures")
    parser.add_argument(
        "--families", action="store_true", help="Qwen's architectures in all variations instead"
    )
    parser.add_argument("--documents", type=int, default=14, help="how many each answers")
    parser.add_argument("--page", type=Path, help="write the table to this page")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    torch.set_num_threads(1)
    signal.signal(signal.SIGALRM, _out_of_time)
    names = options.models or (FAMILIES if options.families else sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES))
    ways: Counter[str] = Counter()
    failed = 0
    rows = []
    for name, compared, seconds in _scan(list(names), options.documents):
        ways[compared.way] += 1
        failed += compared.wrong
        rows.append(_row(name, compared))
        sys.stderr.write(f"{rows[-1]} {seconds:.1f} s\n")
    told = ", ".join(f"{count} {way}" for way, count in ways.most_common())
    page = PAGE.format(
        version=transformers.__version__,
        documents=options.documents,
        ways=f"{sum(ways.values())} architectures: {told}; {failed} with other answers.",
        rows="\n".join(rows),
    )
    if options.page is not None:
        options.page.write_text(page)
    else:
        sys.stdout.write(page)
    return int(failed > 0)


def _row(name: str, compared: Compared) -> str:
    exact = f"{compared.exact} of {compared.documents}" if compared.documents else ""
    reason = " ".join(compared.reason.split()).replace("|", "/")[:LONGEST_REASON]
    return f"| `{name}` | {compared.way} | {exact} | {reason} |"


def _scan(names: list[str], documents: int) -> Iterator[tuple[str, Compared, float]]:
    for name in names:
        started = time.perf_counter()
        signal.alarm(SECONDS)
        try:
            compared = _compared(name, documents)
        except TimeoutError:
            compared = Compared("not tried", 0, 0, f"it took longer than {SECONDS} s")
        except Exception as error:  # noqa: BLE001 - an unknown architecture may raise anything
            compared = Compared("fails", 0, 1, f"{type(error).__name__}: {error}")
        finally:
            signal.alarm(0)
        yield name, compared, time.perf_counter() - started


def _compared(name: str, documents: int) -> Compared:
    if reason := reason_against("", {"model_type": name}):
        return Compared("refused", 0, 0, reason)
    if name in FAMILIES:
        network = random_network(FAMILIES[name]())
    else:
        try:
            network = shrunken_network(name)
        except TimeoutError:
            raise
        except Exception as error:  # noqa: BLE001 - an unknown architecture may raise anything
            return Compared("not tried", 0, 0, f"cannot be shrunk: {type(error).__name__}: {error}")
    return compare(network, some_documents(documents, VOCABULARY, POSITIONS))


def _out_of_time(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError


if __name__ == "__main__":
    sys.exit(main())
