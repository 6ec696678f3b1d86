"""Answer rounds of the engine benchmark with vLLM, in a Python that has vLLM. Imports nothing from this project.

The first line of standard input is a JSON object with the arguments of `vllm.LLM`. Once the model is loaded, the
response is a line with the versions. Each further line is a round, a list of `[prompt_token_ids, new_tokens]`. Its
response has the seconds, the new tokens, and the prompt tokens found in the cache. The program ends with its standard
input.
"""

import json
import os
import sys
import time
from typing import Any


def answer_round(llm: Any, jobs: list[tuple[list[int], int]]) -> dict[str, float]:
    """Generate greedily from token ids to token ids, without the cost of texts."""
    from vllm import SamplingParams  # type: ignore[import-not-found]

    prompts = [{"prompt_token_ids": prompt} for prompt, _ in jobs]
    params = [
        SamplingParams(temperature=0, max_tokens=new, ignore_eos=True, detokenize=False) for _, new in jobs
    ]
    started = time.perf_counter()
    outputs = llm.generate(prompts, params, use_tqdm=False)
    return {
        "seconds": time.perf_counter() - started,
        "new_tokens": sum(len(output.outputs[0].token_ids) for output in outputs),
        "cached_tokens": sum(output.num_cached_tokens or 0 for output in outputs),
    }


def main() -> None:
    """Load the model, then answer rounds until the input ends."""
    # vLLM prints to standard output, so the responses get a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def tell(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    arguments = json.loads(sys.stdin.readline())
    import torch
    import vllm

    llm = vllm.LLM(**arguments)
    tell({"vllm": f"{vllm.__version__} (torch {torch.__version__}, {torch.get_num_threads()} threads)"})
    for line in sys.stdin:
        tell(answer_round(llm, json.loads(line)))


if __name__ == "__main__":
    main()
