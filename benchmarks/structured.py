"""Measure what a JSON schema costs.

One engine in one process answers the same documents with and without a schema, in turn. Each answer has the same
number of new tokens: the schema wants more invoices than fit, and without it no token ends an answer. There are two
models: the tiny one with its invoices, and a random Qwen3 of 60 M parameters with a vocabulary of 32,000.

    python -m benchmarks.structured [--rounds 5] [--json]
"""

import itertools
import json
import random
import shutil
import statistics
import string
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from benchmarks.engine_shapes import SHAPES, WORDS_ONE_AFTER_THE_OTHER, make_network
from benchmarks.report import Bar, Report, conditions, parser, tell
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.prompts.messages import Message, Prompt
from qwenq.schemas.requests import BatchMetrics, EngineHooks, Request
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine

MOST_LOST = 0.1
TINY_MODEL = Path("examples/tiny-qwen3")
INVOICES = Path("examples/invoices.jsonl")
TINY_ANSWER = 64
END = "<|end|>"

INVOICE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "supplier": {"type": "string", "maxLength": 60},
        "number": {"type": "string", "pattern": "^INV-[0-9]{4,8}$"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number", "minimum": 0},
        "currency": {"enum": ["EUR", "USD", "GBP"]},
        "note": {"anyOf": [{"type": "string", "maxLength": 200}, {"type": "null"}]},
    },
    "required": ["supplier", "number", "date", "total", "currency", "note"],
    "additionalProperties": False,
}
ENDLESS = {"type": "array", "items": INVOICE, "minItems": 10_000}
FORMAT = {"type": "json_schema", "json_schema": {"name": "invoices", "schema": ENDLESS}}


def save_tiny(folder: Path) -> list[tuple[str, int]]:
    """Copy the tiny model with an end token that it never generates. Returns documents with their answers' lengths."""
    shutil.copytree(TINY_MODEL, folder, dirs_exist_ok=True)
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        settings = json.loads((folder / name).read_text())
        if "eos_token_id" in settings:
            settings["eos_token_id"] = settings["pad_token_id"]
        if "eos_token" in settings:
            settings["eos_token"] = settings["pad_token"]
        (folder / name).write_text(json.dumps(settings))
    return [(json.loads(line)["text"], TINY_ANSWER) for line in INVOICES.read_text().splitlines()]


def save_random(folder: Path) -> list[tuple[str, int]]:
    """Save the model of 60 M parameters. Returns documents of 60 to 200 words with their answers' lengths."""
    make_network(SHAPES["60m"], "cpu").save_pretrained(folder)
    letter_tokenizer(SHAPES["60m"].vocabulary).save_pretrained(folder)
    draw = random.Random(24)
    return [
        (" ".join(_word(draw) for _ in range(draw.randint(60, 200))), int(8 + 121 * draw.random() ** 2))
        for _ in range(SHAPES["60m"].documents)
    ]


def _word(draw: random.Random) -> str:
    return "".join(draw.choices(string.ascii_lowercase, k=3))


def letter_tokenizer(size: int) -> PreTrainedTokenizerFast:
    """Make a byte-level tokenizer that merges every two and three letters, with and without a leading space."""
    vocabulary = {token: number for number, token in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges = list(itertools.islice(_merges(), size - len(vocabulary) - 1))
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    backend = Tokenizer(models.BPE(vocabulary, merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=END)  # type: ignore[no-untyped-call]
    tokenizer.chat_template = WORDS_ONE_AFTER_THE_OTHER
    return tokenizer


def _merges() -> Iterator[tuple[str, str]]:
    letters, space = (
        string.ascii_lowercase,
        pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(" ")[0][0],
    )
    yield from itertools.product(letters, letters)
    yield from ((a + b, c) for a, b, c in itertools.product(letters, repeat=3))
    yield from ((space, a) for a in letters)
    yield from ((space + a, b) for a, b in itertools.product(letters, letters))
    yield from ((space + a + b, c) for a, b, c in itertools.product(letters, repeat=3))


class Measurement:
    """Answers one model's documents repeatedly."""

    def __init__(self, folder: Path, documents: list[tuple[str, int]]) -> None:
        self._documents = documents
        self._tokens = 0
        hooks = EngineHooks(on_step=lambda: None, on_batch=self._count)
        self._engine = TransformersEngine(str(folder), EngineOptions("cpu"), hooks)
        self._engine.load()

    def _count(self, batch: BatchMetrics) -> None:
        self._tokens += batch.new_tokens

    def seconds(self, **params: Any) -> float:
        """Answer all documents. Raises SystemExit if the number of new tokens is wrong."""
        self._tokens = 0
        requests = [_request(key, *document, params) for key, document in enumerate(self._documents)]
        started = time.perf_counter()
        for _ in self._engine.generate(requests):
            pass
        spent = time.perf_counter() - started
        wanted = sum(new_tokens for _, new_tokens in self._documents)
        if self._tokens != wanted:
            raise SystemExit(f"{self._tokens} tokens were generated, not {wanted}")
        return spent

    @property
    def new_tokens(self) -> int:
        """New tokens of all answers."""
        return self._tokens


def _request(key: int, text: str, new_tokens: int, params: dict[str, Any]) -> Request:
    messages = (Message("user", text),)
    return Request(
        key, Prompt(messages, 0, lambda _: messages), GenerationParams(max_new_tokens=new_tokens, **params)
    )


def measure(report: Report, name: str, measured: Measurement, rounds: int) -> None:
    """Answer with and without a schema in turn. Reports the rates and the median loss of speed."""
    ways = {"free": {}, "held to a schema": {"response_format": FORMAT}}
    for params in ways.values():
        measured.seconds(**params)  # the first time is always slower
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds):
        for way in sorted(ways, reverse=number % 2 == 1):
            seconds[way].append(measured.seconds(**ways[way]))
    free, held = seconds.values()
    for way, spent in seconds.items():
        report.add(f"{name}, {way}", measured.new_tokens / statistics.median(spent), "new tokens/s")
    lost = 1 - statistics.median(one / other for one, other in zip(free, held, strict=True))
    report.bars.append(Bar(f"{name}: speed lost", lost, at_most=MOST_LOST))


def main() -> int:
    """Measure, print the report, and return the exit code."""
    options = parser("what a JSON schema costs")
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    report = Report(
        "Answers held to a JSON schema", conditions(rounds=arguments.rounds, threads=torch.get_num_threads())
    )
    for name, save in (("tiny model", save_tiny), ("60 M model", save_random)):
        with tempfile.TemporaryDirectory() as folder:
            measure(report, name, Measurement(Path(folder), save(Path(folder))), arguments.rounds)
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
