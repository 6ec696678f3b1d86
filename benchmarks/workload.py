"""The documents of the benchmarks, drawn with a fixed seed, so always the same."""

import json
import random
from pathlib import Path

WORDS = (
    "amount", "article", "bank", "contract", "customer", "date", "delivery", "discount", "invoice", "item",
    "material", "month", "note", "number", "offer", "order", "payment", "price", "quarter", "receipt",
    "supplier", "total", "transfer", "warranty",
)  # fmt: skip
WORDS_A_DOCUMENT = 26


def write_documents(path: Path, count: int) -> int:
    """Write `count` lines of JSONL, about 250 bytes each. Returns the average bytes of a line."""
    draw = random.Random(count)
    size = 0
    with path.open("w", encoding="utf-8") as output:
        for number in range(count):
            size += output.write(document_line(number, " ".join(draw.choices(WORDS, k=WORDS_A_DOCUMENT))))
    return size // count


def document_line(number: int, text: str) -> str:
    """Make one line of the input."""
    return json.dumps({"id": custom_id(number), "text": text}) + "\n"


def custom_id(number: int) -> str:
    """Make the id of a document."""
    return f"document-{number:07}"
