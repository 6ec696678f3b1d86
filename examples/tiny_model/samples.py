"""Write the sample inputs of `examples/`: `python -m examples.tiny_model.samples`.

Their invoices are held out from training.
"""

import csv
import json
from pathlib import Path
from random import Random

from examples.tiny_model import questions
from examples.tiny_model.invoices import FIELDS, invoice
from examples.tiny_model.questions import Question

FOLDER = Path(__file__).parents[1]
FIRST_SEED = 1_000  # far below the seeds of training
DOCUMENTS, CSV_ROWS, OPENAI_LINES = 60, 20, 12


def samples(first: int, count: int) -> dict[str, Question]:
    """Ask about held-out invoices in varied wordings, with the fields in turn. Returns questions by id."""
    found = {}
    for place in range(first, first + count):
        field = FIELDS[place % len(FIELDS)]
        wording = questions.natural(Random(f"sample {place}"), field) + questions.PLAIN_ENDING
        found[f"invoice-{place + 1:03}"] = questions.ask(invoice(FIRST_SEED + place), field, wording)
    return found


def write_jsonl(path: Path, asked: dict[str, Question]) -> None:
    """Write one document a line: `id`, `text`, `field` and `expected`."""
    with path.open("w", encoding="utf-8") as file:
        for name, question in asked.items():
            line = {"id": name, "text": question.prompt, "field": question.field}
            json.dump({**line, "expected": question.expected}, file, ensure_ascii=False)
            file.write("\n")


def write_csv(path: Path, asked: dict[str, Question]) -> None:
    """Write the columns of the JSONL file as CSV; texts contain line breaks, so they are quoted."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "field", "expected"])
        for name, question in asked.items():
            writer.writerow([name, question.prompt, question.field, question.expected])


def write_openai(path: Path, asked: dict[str, Question]) -> None:
    """Write lines of an OpenAI Batch file."""
    with path.open("w", encoding="utf-8") as file:
        for name, question in asked.items():
            body = {
                "model": "examples/tiny-qwen3",
                "messages": [
                    {"role": "system", "content": questions.SYSTEMS[0]},
                    {"role": "user", "content": question.prompt},
                ],
                "max_tokens": 32,
                "temperature": 0,
            }
            line = {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}
            json.dump(line, file, ensure_ascii=False)
            file.write("\n")


def main() -> None:
    """Write all three files."""
    write_jsonl(FOLDER / "invoices.jsonl", samples(0, DOCUMENTS))
    write_csv(FOLDER / "invoices.csv", samples(DOCUMENTS, CSV_ROWS))
    write_openai(FOLDER / "invoices-openai.jsonl", samples(DOCUMENTS + CSV_ROWS, OPENAI_LINES))


if __name__ == "__main__":
    main()
