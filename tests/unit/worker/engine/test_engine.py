"""The whole engine: from requests to completions, and what a failure in the middle touches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from transformers import Cache

from schemas.errors import LeaseLost
from schemas.requests import BatchMetrics, Completion, EngineHooks, Request
from schemas.results import FinishReason
from tests.unit.worker.engine.asking import ask, ask_plainly
from tests.unit.worker.engine.conftest import Checkpoint
from worker.engine.cache import keep_rows
from worker.engine.options import EngineOptions
from worker.engine.transformers_engine import TransformersEngine

Engines = Callable[[str], TransformersEngine]
WORDS = ("The invoice", "of Müller", "is due", "on 12 May", "The total", "is 1,250.00", "euros")


def letters(count: int, **params: Any) -> list[Request]:
    """Ask about `count` documents of different lengths."""
    return [ask(" ".join(WORDS[: 1 + key % 7]) * (1 + key % 3), key, **params) for key in range(count)]


def by_key(completions: Iterator[Completion]) -> dict[int, Completion]:
    answers = list(completions)
    assert len({answer.key for answer in answers}) == len(answers), "a document was answered twice"
    return {answer.key: answer for answer in answers}


@contextmanager
def failing(engine: TransformersEngine, fault: Callable[[torch.Tensor], None]) -> Iterator[None]:
    """Let `fault` see the input of every pass through the real model, and raise from there."""
    assert engine._loaded is not None
    handle = engine._loaded.network.register_forward_pre_hook(
        lambda _module, _args, kwargs: fault(kwargs["input_ids"]), with_kwargs=True
    )
    try:
        yield
    finally:
        handle.remove()


def test_every_document_is_answered_once(engine_of: Engines) -> None:
    answers = by_key(engine_of("qwen3").generate(letters(40, max_new_tokens=6)))
    assert sorted(answers) == list(range(40))
    assert all(answer.failure is None for answer in answers.values())
    assert all(answer.usage.completion_tokens for answer in answers.values())


@pytest.mark.parametrize("architecture", ["qwen2_moe", "qwen3"])
def test_an_answer_is_what_the_model_alone_gives(
    architecture: str, engine_of: Engines, network_of: Callable[[str], Any]
) -> None:
    engine, network = engine_of(architecture), network_of(architecture)
    requests = letters(10, max_new_tokens=12)
    answers = by_key(engine.generate(requests))
    assert engine._loaded is not None
    tokenizer = engine._loaded.tokenizer
    for request in requests:
        ids: Any = tokenizer.apply_chat_template(
            [{"role": m.role, "content": m.content} for m in request.prompt.messages],
            add_generation_prompt=True,
            enable_thinking=False,
            return_tensors="pt",
        )
        output = network.generate(**ids, do_sample=False, max_new_tokens=12)
        alone = tokenizer.decode(output[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
        assert answers[request.key].text == alone
        assert answers[request.key].usage.prompt_tokens == ids["input_ids"].shape[1]


def test_a_sampled_answer_depends_on_its_own_seed_only(engine_of: Engines) -> None:
    engine = engine_of("qwen3")
    asked = ask("The invoice", 99, temperature=0.8, top_p=0.9, top_k=50, seed=7, max_new_tokens=10)
    alone = by_key(engine.generate([asked]))[99]
    among = by_key(engine.generate([*letters(9, temperature=1.3, seed=3, max_new_tokens=8), asked]))
    assert among[99] == alone
    other = ask("The invoice", 99, temperature=0.8, top_p=0.9, top_k=50, seed=8, max_new_tokens=10)
    assert by_key(engine.generate([other]))[99].text != alone.text


def test_a_stop_string_cuts_the_text(engine_of: Engines) -> None:
    engine = engine_of("qwen3")
    whole = by_key(engine.generate([ask("The total", max_new_tokens=20)]))[0]
    stop = whole.text[5:8]
    cut = by_key(engine.generate([ask("The total", max_new_tokens=20, stop=(stop,))]))[0]
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish_reason is FinishReason.STOP
    assert cut.usage.completion_tokens < whole.usage.completion_tokens


def test_a_bad_document_never_hurts_its_neighbours(engine_of: Engines) -> None:
    good = letters(6, max_new_tokens=5)
    bad = [
        ask_plainly(" \n ", 100),
        ask("x" * 5000, 101),
        ask("half a \ud83d pair", 102),
    ]
    engine = engine_of("qwen3")
    answers = by_key(engine.generate([bad[0], *good[:3], bad[1], *good[3:], bad[2]]))
    codes = {key: done.failure.code for key, done in answers.items() if done.failure}
    assert codes == {100: "empty_prompt", 101: "too_long", 102: "invalid_text"}
    assert all(answers[key].finish_reason is FinishReason.ERROR for key in codes)
    assert {key: answers[key] for key in range(6)} == by_key(engine.generate(good))


def test_a_batch_that_is_too_large_for_the_memory_is_halved(engine_of: Engines) -> None:
    def only_three_rows_fit(ids: torch.Tensor) -> None:
        if len(ids) > 3:
            raise torch.OutOfMemoryError("too many rows")

    engine = engine_of("qwen3")
    requests = letters(11, max_new_tokens=6, temperature=1.0, seed=5)
    expected = by_key(engine.generate(requests))
    with failing(engine, only_three_rows_fit):
        assert by_key(engine.generate(requests)) == expected


def test_memory_that_runs_out_while_decoding_costs_no_answer(engine_of: Engines) -> None:
    passes = 0

    def sixth_pass(ids: torch.Tensor) -> None:
        nonlocal passes
        passes += 1
        if passes == 6:
            raise torch.OutOfMemoryError("now")

    engine = engine_of("qwen3")
    requests = [ask(WORDS[key % 7], key, max_new_tokens=2 + key) for key in range(8)]
    expected = by_key(engine.generate(requests))
    with failing(engine, sixth_pass):
        assert by_key(engine.generate(requests)) == expected


def test_memory_that_runs_out_as_rows_leave_loses_no_document(
    engine_of: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = 0

    def keep_rows_once_not(cache: Cache, rows: torch.Tensor) -> None:
        nonlocal times
        times += 1
        if times == 3:
            raise torch.OutOfMemoryError("now")
        keep_rows(cache, rows)

    engine = engine_of("qwen3")
    requests = [ask(WORDS[key % 7], key, max_new_tokens=1 + key) for key in range(8)]
    expected = by_key(engine.generate(requests))
    monkeypatch.setattr("worker.engine.decoding.keep_rows", keep_rows_once_not)
    assert by_key(engine.generate(requests)) == expected
    assert times > 3


def test_a_broken_device_is_not_taken_for_a_bad_document(engine_of: Engines) -> None:
    def broken(ids: torch.Tensor) -> None:
        raise torch.AcceleratorError("device-side assert")

    engine = engine_of("qwen3")
    with failing(engine, broken), pytest.raises(torch.AcceleratorError):
        list(engine.generate(letters(3, max_new_tokens=4)))


def test_a_document_that_breaks_the_model_fails_alone(engine_of: Engines) -> None:
    engine = engine_of("qwen3")
    requests = letters(7, max_new_tokens=4)
    expected = by_key(engine.generate(requests))
    longest = max(expected.values(), key=lambda done: done.usage.prompt_tokens)

    def poison(ids: torch.Tensor) -> None:
        if ids.shape[1] == longest.usage.prompt_tokens:
            raise ValueError("this prompt breaks the model\nand tells more of it")

    with failing(engine, poison):
        answers = by_key(engine.generate(requests))
    failed = {key for key, done in answers.items() if done.failure is not None}
    assert longest.key in failed
    failure = answers[longest.key].failure
    assert failure is not None
    assert failure.code == "generation_error"
    assert "this prompt breaks the model" in failure.message
    assert "tells more" not in failure.message
    assert {key: answers[key] for key in answers if key not in failed} == {
        key: expected[key] for key in expected if key not in failed
    }


def test_what_a_step_raises_passes_through_and_leaves_the_engine_usable(
    checkpoint: Checkpoint,
) -> None:
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 12:
            raise LeaseLost(chunk_id=1, attempt=2)

    hooks = EngineHooks(on_step=step, on_batch=lambda _: None)
    engine = TransformersEngine(str(checkpoint("qwen3")), EngineOptions("cpu"), hooks)
    engine.load()
    taken: list[Completion] = []
    with pytest.raises(LeaseLost):
        taken.extend(engine.generate(letters(8, max_new_tokens=20)))
    assert len(by_key(engine.generate(letters(8, max_new_tokens=20)))) == 8
    engine.close()


def test_every_step_and_every_batch_is_told(checkpoint: Checkpoint) -> None:
    steps: list[None] = []
    batches: list[BatchMetrics] = []
    hooks = EngineHooks(on_step=lambda: steps.append(None), on_batch=batches.append)
    options = EngineOptions("cpu", batch_rows=4)
    engine = TransformersEngine(str(checkpoint("qwen2")), options, hooks)
    engine.load()
    answers = list(engine.generate(letters(10, max_new_tokens=5)))
    assert [batch.rows for batch in batches] == [4, 4, 2]
    assert sum(batch.prompt_tokens for batch in batches) == sum(
        answer.usage.prompt_tokens for answer in answers
    )
    assert sum(batch.new_tokens for batch in batches) == sum(
        answer.usage.completion_tokens for answer in answers
    )
    for batch in batches:
        assert batch.padded_tokens >= batch.prompt_tokens
        assert batch.seconds > 0
        assert batch.resident_bytes > 10_000_000
    assert len(steps) >= 10 + 3 * 5  # one a document read, one a pass through the model


def test_answers_come_as_they_finish(engine_of: Engines) -> None:
    requests = [ask("one", 1, max_new_tokens=40), ask("one", 2, max_new_tokens=1)]
    assert next(iter(engine_of("qwen3").generate(requests))).key == 2


def test_no_inference_mode_is_left_behind_between_answers(engine_of: Engines) -> None:
    answers = engine_of("qwen3").generate(letters(3, max_new_tokens=3))
    next(answers)
    assert not torch.is_inference_mode_enabled()
    answers.close()  # type: ignore[attr-defined]
