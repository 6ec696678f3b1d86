"""Answers rounds of the engine benchmark with vLLM; run by a Python that has vLLM, and imports nothing of the project.

The first line of standard input is a JSON object, the arguments of `vllm.LLM`; it is answered with the versions, once
the model is loaded. Each line after it is a round, a list of `[prompt_token_ids, new_tokens]`; it is answered with
its seconds, its new tokens, and the prompt tokens that were found in the cache. Ends with its standard input.
"""

import json
import os
import sys
import time
from typing import Any


def answer_round(llm: Any, jobs: list[tuple[list[int], int]]) -> dict[str, float]:
    """Generate greedily, token ids in and token ids out; texts would only cost vLLM time."""
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
    """Load the model, then answer until the input ends."""
    # vLLM prints where it likes: the answers get a descriptor of their own.
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
