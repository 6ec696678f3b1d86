"""The usage of answers through the whole engine: prompt, completion and reasoning tokens."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from qwenq.schemas.generation import QWEN_CLOSING
from qwenq.schemas.requests import BatchMetrics, Completion, EngineHooks, Request
from qwenq.schemas.results import FinishReason
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine
from tests.models import CHATML, qwen3_config, save_model
from tests.unit.worker.engines.asking import ask

TEXTS = ("The invoice", "of Müller & Sons is due on 12 May", "The total is 1,250.00 euros. " * 4, "東京")
ENDS = ("<|im_end|>", "<|endoftext|>")
CLOSING = f"\n\n{QWEN_CLOSING}\n</think>\n\n"
REASONING = CHATML.replace("{{- '<|im_start|>assistant\\n' }}", "{{- '<|im_start|>assistant\\n<think>\\n' }}")


def answers_of(engine: TransformersEngine, requests: Iterable[Request]) -> dict[int, Completion]:
    return {done.key: done for done in engine.generate(requests)}


def prompt_ids(tokenizer: Any, request: Request) -> Any:
    said = [{"role": message.role, "content": message.content} for message in request.prompt.messages]
    thinking = request.params.thinking
    return tokenizer.apply_chat_template(
        said, add_generation_prompt=True, enable_thinking=thinking, return_tensors="pt"
    )


@pytest.fixture(scope="module")
def reasoner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a model whose template always opens a reasoning."""
    folder = save_model(tmp_path_factory.mktemp("reasoner"), qwen3_config())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = REASONING
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def reasoning_engine(reasoner: Path) -> TransformersEngine:
    """Load the engine with this model."""
    hooks = EngineHooks(on_step=lambda: None, on_batch=lambda _: None)
    engine = TransformersEngine(str(reasoner), EngineOptions("cpu", dtype="float32"), hooks)
    engine.load()
    return engine


@pytest.mark.parametrize("params", [{}, {"repetition_penalty": 1.4}, {"repetition_penalty": 0.9}], ids=str)
def test_tokens_are_counted_and_chosen_as_by_the_model_alone(
    params: dict[str, Any],
    engine_of: Callable[[str], TransformersEngine],
    checkpoint: Callable[[str], Path],
) -> None:
    folder = checkpoint("qwen3")
    network: Any = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    requests = [ask(text, key, max_new_tokens=5 + 9 * key, **params) for key, text in enumerate(TEXTS)]
    answers = answers_of(engine_of("qwen3"), requests)
    for request in requests:
        ids = prompt_ids(tokenizer, request)
        length = ids["input_ids"].shape[1]
        limit = request.params.max_new_tokens
        output = network.generate(**ids, do_sample=False, max_new_tokens=limit, **params)[0, length:]
        done = answers[request.key]
        ended = tokenizer.convert_ids_to_tokens(int(output[-1])) in ENDS
        said = tokenizer.decode(output, skip_special_tokens=True)
        # Half a character at the limit is left out.
        assert done.text == said or (not ended and done.text == said.removesuffix("\ufffd"))
        assert done.finish_reason is (FinishReason.STOP if ended else FinishReason.LENGTH)
        assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (length, len(output))
        assert done.usage.reasoning_tokens == 0


@pytest.mark.parametrize("budget", [0, 1, 4])
def test_a_thinking_budget_lets_the_model_answer_from_the_closed_block(
    budget: int, reasoner: Path, reasoning_engine: TransformersEngine
) -> None:
    network: Any = AutoModelForCausalLM.from_pretrained(reasoner)
    tokenizer: Any = AutoTokenizer.from_pretrained(reasoner)
    closing = tokenizer(CLOSING, return_tensors="pt").input_ids
    close = tokenizer.convert_tokens_to_ids("</think>")
    requests = [
        ask(text, key, thinking=True, thinking_budget=budget, max_new_tokens=budget + closing.shape[1] + 10)
        for key, text in enumerate(TEXTS)
    ]
    answers = answers_of(reasoning_engine, requests)
    for request in requests:
        done = answers[request.key]
        ids = prompt_ids(tokenizer, request)["input_ids"]
        length = ids.shape[1]
        if budget:
            ids = network.generate(ids, do_sample=False, min_new_tokens=budget, max_new_tokens=budget)
        reasoning = tokenizer.decode(ids[0, length:], skip_special_tokens=True)
        ids = closing.new_tensor([[*ids[0].tolist(), *closing[0].tolist()]])
        output = network.generate(ids, do_sample=False, max_new_tokens=10)[0, ids.shape[1] :]
        whole = f"{reasoning}\n\n{QWEN_CLOSING}".replace("\ufffd", "")
        assert (done.reasoning or "").replace("\ufffd", "").strip("\n") == whole.strip("\n")
        said = tokenizer.decode(output, skip_special_tokens=True).lstrip("\n")
        assert done.text in {said, said.removesuffix("\ufffd")}
        assert done.usage.prompt_tokens == length
        assert done.usage.reasoning_tokens == budget + closing[0].tolist().index(close) + 1
        assert done.usage.completion_tokens == budget + closing.shape[1] + len(output)


def test_a_truncated_reasoning_leaves_the_answer_empty(reasoning_engine: TransformersEngine) -> None:
    requests = [ask(text, key, thinking=True, max_new_tokens=4) for key, text in enumerate(TEXTS)]
    for done in answers_of(reasoning_engine, requests).values():
        assert done.text == ""
        assert done.reasoning is not None
        assert done.usage.reasoning_tokens == done.usage.completion_tokens


def test_ten_thousand_stop_strings_do_not_change_the_neighbours_answers(
    engine_of: Callable[[str], TransformersEngine],
) -> None:
    stops = tuple(f"{number:04}!" for number in range(10_000))
    plain = [ask(text, key, max_new_tokens=12) for key, text in enumerate(TEXTS)]
    engine = engine_of("qwen3")
    alone = answers_of(engine, plain)
    among = answers_of(engine, [*plain, ask("The invoice", 9, max_new_tokens=12, stop=stops)])
    assert among.pop(9).failure is None
    assert {key: (done.text, done.finish_reason) for key, done in among.items()} == {
        key: (done.text, done.finish_reason) for key, done in alone.items()
    }


def test_computed_and_reused_tokens_add_up_to_the_prompts(checkpoint: Callable[[str], Path]) -> None:
    told: list[BatchMetrics] = []
    hooks = EngineHooks(on_step=lambda: None, on_batch=told.append)
    engine = TransformersEngine(str(checkpoint("qwen3")), EngineOptions("cpu"), hooks)
    engine.load()
    instruction = "Summarise the contract in one sentence. The parties agree to the terms below. " * 3
    requests = [
        ask(text, key, instruction=instruction, max_new_tokens=4) for key, text in enumerate(TEXTS * 4)
    ]
    answers = {done.key: done for done in engine.generate(requests)}
    assert len(answers) == len(requests)
    prompts = sum(done.usage.prompt_tokens for done in answers.values())
    reused = sum(done.usage.prefix_tokens for done in answers.values())
    assert reused > 0
    assert reused == sum(batch.prefix_tokens for batch in told)
    assert prompts - reused == sum(batch.prompt_tokens for batch in told)
    assert sum(done.usage.completion_tokens for done in answers.values()) == sum(
        batch.new_tokens for batch in told
    )
