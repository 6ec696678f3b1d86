"""Measure how JSON schemas of the field are held: valid instances that are refused, and invalid ones that are accepted.

The data are those of JSONSchemaBench: github.com/guidance-ai/jsonschemabench, folder maskbench/data. Each instance goes
token by token through the grammar of its schema, and what the grammar takes through the check of the answer. A grammar
fixes the order of properties, and writes a whole number without decimal places. So an instance is refused only if no
way of writing its value is taken. What stands beside a `$ref` is held in every draft, though drafts 4 to 7 ignore it:
instances that break it are not valid here.

    python -m benchmarks.json_schemas FOLDER [--schemas 1500] [--seed 1]
"""

import argparse
import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema_rs
from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from benchmarks.json_writing import Writing
from qwenq.schemas.errors import InvalidSchema
from qwenq.schemas.json_schema.answer_check import answer_check
from qwenq.schemas.json_schema.grammar import answer_grammar

TOKENIZER = Path("examples/tiny-qwen3/tokenizer.json")
MOST_REFUSED = 2
LIMITS = LLParserLimits(initial_lexer_fuel=50_000_000)
"""An engine makes a mask at each token, which renews the fuel. Here it must last for a whole answer."""


def main() -> int:
    """Print the counts and what went wrong. Returns 1 if a bar is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--schemas", type=int, default=1500)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    paths = sorted(given.folder.glob("*.json"))
    chosen = random.Random(given.seed).sample(paths, min(given.schemas, len(paths)))
    tokenizer = LLTokenizer(TOKENIZER.read_text())
    counts: Counter[str] = Counter()
    for path in chosen:
        _try_schema(path, tokenizer, counts)
    for what, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"{count:7,}  {what}")
    refused, accepted = counts["valid instances refused"], counts["invalid instances accepted"]
    return int(refused > MOST_REFUSED or accepted > 0)


def _try_schema(path: Path, tokenizer: LLTokenizer, counts: "Counter[str]") -> None:
    held = json.loads(path.read_bytes())
    text = json.dumps(held["schema"])
    try:
        grammar = answer_grammar(text)
    except InvalidSchema as error:
        counts["schemas refused"] += 1
        counts[f"  {error.reason.partition(', at ')[0][:80]}"] += 1
        return
    counts["schemas taken"] += 1
    for test in held.get("tests", ()):
        is_taken, why = _takes(tokenizer, grammar, text, test["data"])
        is_valid = test["valid"] and (is_taken or _holds_beside_references(held["schema"], test["data"]))
        counts["valid instances that break what stands beside a $ref"] += test["valid"] and not is_valid
        kind = "valid" if is_valid else "invalid"
        counts[f"{kind} instances"] += 1
        if is_taken != is_valid:
            what = "accepted" if is_taken else "refused"
            counts[f"{kind} instances {what}"] += 1
            print(f"{path.name}: a {kind} instance is {what}: {why}: {json.dumps(test['data'])[:200]}")


def _takes(tokenizer: LLTokenizer, grammar: str, schema: str, instance: Any) -> tuple[bool, str]:
    fault = answer_check(schema).fault_of(json.dumps(instance))
    if fault is not None:
        return False, fault  # however it is written
    writing = Writing(tokenizer, _names(json.loads(schema)))
    answer = writing.of(instance, LLMatcher(tokenizer, grammar, log_level=0, limits=LIMITS))
    if answer is None:
        return False, f"the grammar stops after {writing.furthest[-60:]!r}{writing.note}"
    return True, ""


def _holds_beside_references(schema: Any, instance: Any) -> bool:
    """Whether what stands beside a `$ref` holds, which drafts 4 to 7 ignore. Here it is held, as Ajv does."""
    later = {name: value for name, value in schema.items() if name != "$schema"}
    return jsonschema_rs.Draft201909Validator(later, offline=True).is_valid(instance)


def _names(schema: Any) -> dict[str, int]:
    """The names of properties in the order of the schema, which an answer has and an instance need not have."""
    names: dict[str, int] = {}

    def look(node: Any) -> None:
        for name, inner in node.items() if isinstance(node, dict) else ():
            for one in inner if name in {"properties", "required"} else ():
                names.setdefault(one, len(names))
            look(inner)
        for inner in node if isinstance(node, list) else ():
            look(inner)

    look(schema)
    return names


if __name__ == "__main__":
    sys.exit(main())
