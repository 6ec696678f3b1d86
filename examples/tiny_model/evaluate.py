"""Count right answers on held-out invoices: `python -m examples.tiny_model.evaluate`.

Exits with 1 if fewer than 95 % of the answers are right in one way of asking. The way `first`, with the question before
the invoice, is only shown.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from examples.tiny_model import questions
from examples.tiny_model.invoices import FIELDS, invoice
from examples.tiny_model.model import FOLDER
from examples.tiny_model.questions import Question
from examples.tiny_model.tokenizer import END_THINK, TURN_END
from examples.tiny_model.trees import prompt_ids

FIRST_SEED = 10_000  # far below the seeds of training
BATCH = 32
LONGEST_ANSWER = 160
ENOUGH = 0.95


def load(folder: Path = FOLDER) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the model in float32, and its tokenizer."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(folder)


def answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    *,
    system: str | None = None,
    thinking: bool = False,
) -> Iterator[str]:
    """Generate greedy answers in order, with any reasoning and the end-of-turn token."""
    for start in range(0, len(prompts), BATCH):
        rows = [
            prompt_ids(tokenizer, prompt, system=system, thinking=thinking)
            for prompt in prompts[start : start + BATCH]
        ]
        longest = max(map(len, rows))
        given = {
            "input_ids": torch.tensor(
                [[tokenizer.pad_token_id] * (longest - len(row)) + row for row in rows]
            ),
            "attention_mask": torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows]),
        }
        with torch.inference_mode():
            made = model.generate(  # type: ignore[operator]
                **given, do_sample=False, max_new_tokens=LONGEST_ANSWER
            )
        for row in made[:, longest:].tolist():
            text = tokenizer.decode([token for token in row if token != tokenizer.pad_token_id])
            yield str(text)


def is_right(answer: str, question: Question) -> bool:
    """Whether the answer is exactly the expected value and the end-of-turn token."""
    value = answer.rsplit(END_THINK, maxsplit=1)[-1].lstrip("\n")
    return value == question.expected + TURN_END


def held_out(count: int, *, plain: bool, question_first: bool = False) -> list[Question]:
    """Ask one question about each of `count` held-out invoices, with the fields in turn."""
    asked = []
    for place in range(count):
        made, field = invoice(FIRST_SEED + place), FIELDS[place % len(FIELDS)]
        if plain:
            asked.append(questions.plain(made, field))
        else:
            wording = questions.wording(Random(f"evaluate {place}"), field)
            asked.append(questions.ask(made, field, wording, question_first=question_first))
    return asked


def main() -> int:
    """Measure each way of asking and print the results by field."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=350, help="invoices for each way of asking")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--show", action="store_true", help="print the wrong answers")
    given = parser.parse_args()
    model, tokenizer = load(given.folder)
    system = questions.SYSTEMS[0]
    ways: dict[str, tuple[list[Question], str | None, bool]] = {
        "plain": (held_out(given.count, plain=True), None, False),
        "varied": (held_out(given.count, plain=False), None, False),
        "system": (held_out(given.count, plain=True), system, False),
        "thinking": (held_out(given.count, plain=True), None, True),
        "first": (held_out(given.count, plain=False, question_first=True), None, False),
    }
    right: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    for way, (wanted, prompt, thinking) in ways.items():
        prompts = [question.prompt for question in wanted]
        made = answers(model, tokenizer, prompts, system=prompt, thinking=thinking)
        for question, answer in zip(wanted, made, strict=True):
            good = is_right(answer, question)
            for field in (question.field, "all"):
                asked[field, way] += 1
                right[field, way] += good
            if given.show and not good:
                print(f"{way} {question.field}: wanted {question.expected!r}, got {answer!r}")
    print(f"{'field':10}" + "".join(f"{way:>12}" for way in ways))
    for field in (*FIELDS, "all"):
        cells = (f"{right[field, way]}/{asked[field, way]}" for way in ways)
        print(f"{field:10}" + "".join(f"{cell:>12}" for cell in cells))
    share = min(right["all", way] / asked["all", way] for way in ways if way != "first")
    print(f"lowest share of right answers (except `first`): {share:.1%}")
    return 0 if share >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
