"""Measure `--on-overflow split`: its cost for documents that fit, and a document of 200 pages.

First, 100,000 documents of 2 kB are checked for their length and get their fingerprints, as in the thread that reads
ahead of the device. Every job renders documents before that; the speed of rendering is reported for information.

Second, `qwenq run` answers a document of 200 pages of 3,000 characters, with the template summarize and the tiny model
with a context of 4,096 tokens. Each part is counted again with the model's tokenizer, in its whole prompt.

    python -m benchmarks.long_documents [--documents 100000] [--pages 200] [--json]
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import forget_environment, make_store
from benchmarks.workload import WORDS
from qwenq import api
from qwenq.schemas.generation import GenerationParams, Overflow
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.parts import PartLine
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.requests import EngineHooks, ModelInfo, Request
from qwenq.schemas.settings import Settings
from qwenq.schemas.templates.builtin import builtin_template
from qwenq.schemas.workers import LoadedWeights
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine
from qwenq.worker.long_documents.gauge import Gauge
from qwenq.worker.reuse.fingerprints import Fingerprints
from qwenq.worker.turn.job_prompt import JobPrompt

TINY_MODEL = Path(__file__).parents[1] / "examples" / "tiny-qwen3"
CONTEXT = 4_096
PAGE_CHARS = 3_000
DOCUMENT_CHARS = 2_000
NEW_TOKENS = 64
RATE_BAR = 20_000
PROMPT = PromptSpec(
    template=builtin_template("summarize").text, merge=builtin_template("summarize").merge, id_column="id"
)


def sentences(chars: int, draw: random.Random) -> str:
    """Make `chars` characters of sentences in paragraphs."""
    said: list[str] = []
    while sum(map(len, said)) < chars:
        words = " ".join(draw.choices(WORDS, k=draw.randint(8, 20)))
        said.append(
            f"{words.capitalize()} no. {draw.randint(1, 9_999)}.{draw.choice((' ', ' ', ' ', chr(10) * 2))}"
        )
    return "".join(said)[:chars]


def model_of_context(folder: Path) -> Path:
    """Copy the tiny model and raise its context. It then answers worse, but not more slowly."""
    model = Path(shutil.copytree(TINY_MODEL, folder / "model"))
    config = json.loads((model / "config.json").read_text("utf-8"))
    (model / "config.json").write_text(json.dumps({**config, "max_position_embeddings": CONTEXT}), "utf-8")
    return model


def measure_short(report: Report, info: ModelInfo, gauge: Gauge, documents: int) -> None:
    """Measure how many short documents a second are checked and get their fingerprints."""
    draw = random.Random(1)
    contents = [json.dumps({"id": str(n), "text": sentences(DOCUMENT_CHARS, draw)}) for n in range(1_000)]
    params = GenerationParams(on_overflow=Overflow.SPLIT)
    job_prompt = JobPrompt.of(PROMPT, params, info)
    fingerprints = Fingerprints(info)
    rendering = passing = 0.0
    for first in range(0, documents, len(contents)):
        started = time.perf_counter()
        requests = []
        bases = [job_prompt.merge_basis(content) for content in contents]
        for seq, content in enumerate(contents, start=first):
            prompt = job_prompt.template.render(content).prompt
            requests.append(Request(seq, prompt, params))
        rendered = time.perf_counter()
        for request, basis in zip(requests, bases, strict=True):
            if not gauge.fits(request.prompt.messages, params) or fingerprints.of(request, basis) is None:
                raise SystemExit("a short document does not fit or has no fingerprint")
        rendering += rendered - started
        passing += time.perf_counter() - rendered
    report.add("checked and hashed", documents / passing, "documents/s")
    report.add("rendered", documents / rendering, "documents/s")
    report.bars.append(Bar("checking and hashing, documents/s", documents / passing, at_least=RATE_BAR))


def measure_long(report: Report, gauge: Gauge, model: Path, pages: int) -> None:
    """Answer one document of many pages, and check that no character is lost."""
    text = sentences(pages * PAGE_CHARS, random.Random(2))
    home = model.parent
    (home / "long.jsonl").write_text(json.dumps({"id": "long", "text": text}) + "\n", "utf-8")
    settings = Settings(home=home / "home", database_url=f"sqlite:///{home / 'store.db'}")
    make_store(settings)
    environment = {**os.environ, "QWENQ_DATABASE_URL": settings.database_url or "", "OMP_NUM_THREADS": "2"}
    command = [
        sys.executable, "-m", "qwenq", "run", "long.jsonl", "-o", "answers.jsonl", "--model", str(model),
        "--template", "summarize", "--on-overflow", "split", "--max-new-tokens", str(NEW_TOKENS),
    ]  # fmt: skip
    started = time.perf_counter()
    subprocess.run(command, cwd=home, env=environment, check=True)
    report.add(
        f"{pages} pages answered, including the start of the worker", time.perf_counter() - started, "s"
    )
    (answer,) = [json.loads(line) for line in (home / "answers.jsonl").read_text("utf-8").splitlines()]
    lines = list(api.parts(1, settings=settings))
    parts = [line for line in lines if line.level == 0]
    joined = "".join(text[line.first_char : line.last_char + 1] for line in parts)
    largest = max(_prompt_tokens(gauge, text, line) for line in parts)
    report.add("characters", len(text), "")
    report.add("parts", len(parts), "")
    report.add("intermediate merges", len(lines) - len(parts), "")
    report.bars += [
        Bar("tokens of the largest part with its answer", largest + NEW_TOKENS, at_most=CONTEXT),
        Bar("characters lost", float(joined != text), at_most=0),
        Bar("answers", answer["parts"] == len(parts), at_least=1, at_most=1),
    ]


def _prompt_tokens(gauge: Gauge, text: str, part: PartLine) -> int:
    document = PromptTemplate.from_spec(PROMPT).document({"text": text})
    return gauge.tokens(document.between(part.first_char, part.last_char + 1), GenerationParams())


def main() -> int:
    """Measure and report. Returns the exit code."""
    options = parser("measure documents that do and do not fit")
    options.add_argument("--documents", type=int, default=100_000)
    options.add_argument("--pages", type=int, default=200)
    arguments = options.parse_args()
    forget_environment()
    report = Report(
        "long documents", conditions(documents=arguments.documents, pages=arguments.pages, context=CONTEXT)
    )
    with tempfile.TemporaryDirectory() as folder:
        model = model_of_context(Path(folder))
        engine = TransformersEngine(str(model), EngineOptions(), EngineHooks(lambda: None, lambda _: None))
        info = engine.load()
        gauge = Gauge(engine, info.context)
        revised = ModelInfo(
            info.model, info.device, info.dtype, info.context, 0, 0.0, weights=LoadedWeights("r1")
        )
        measure_short(report, revised, gauge, arguments.documents)
        measure_long(report, gauge, model, arguments.pages)
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
