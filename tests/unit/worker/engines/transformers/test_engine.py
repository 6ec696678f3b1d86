"""The whole engine: from requests to completions, also after failures."""

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from qwenq.schemas.errors import LeaseLost, ModelUnavailable
from qwenq.schemas.requests import Completion, EngineHooks, Request
from qwenq.schemas.results import FinishReason
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers import engine as engine_module
from qwenq.worker.engines.transformers.engine import TransformersEngine
from tests.unit.worker.engines.asking import ask, ask_plainly
from tests.unit.worker.engines.conftest import Checkpoint
from tests.unit.worker.engines.transformers.faults import failing

Engines = Callable[[str], TransformersEngine]
WORDS = ("The invoice", "of Müller", "is due", "on 12 May", "The total", "is 1,250.00", "euros")


def letters(count: int, **params: Any) -> list[Request]:
    """Ask about `count` documents of different lengths."""
    return [ask(" ".join(WORDS[: 1 + key % 7]) * (1 + key % 3), key, **params) for key in range(count)]


def by_key(completions: Iterator[Completion]) -> dict[int, Completion]:
    answers = list(completions)
    assert len({answer.key for answer in answers}) == len(answers), "a document was answered twice"
    return {answer.key: answer for answer in answers}


def texts(answers: dict[int, Completion]) -> dict[int, str]:
    return {key: answer.text for key, answer in answers.items()}


def test_every_document_is_answered_once(engine_of: Engines) -> None:
    answers = by_key(engine_of("qwen3").generate(letters(40, max_new_tokens=6)))
    assert sorted(answers) == list(range(40))
    assert all(answer.failure is None for answer in answers.values())
    assert all(answer.usage.completion_tokens for answer in answers.values())


@pytest.mark.parametrize("architecture", ["qwen2_moe", "qwen3"])
def test_an_answer_is_what_the_model_alone_gives(
    architecture: str, engine_of: Engines, network_of: Callable[[str], Any], checkpoint: Checkpoint
) -> None:
    network, tokenizer = network_of(architecture), AutoTokenizer.from_pretrained(checkpoint(architecture))
    requests = letters(10, max_new_tokens=12)
    answers = by_key(engine_of(architecture).generate(requests))
    for request in requests:
        ids: Any = tokenizer.apply_chat_template(
            [{"role": m.role, "content": m.content} for m in request.prompt.messages],
            add_generation_prompt=True,
            enable_thinking=False,
            return_tensors="pt",
        )
        output = network.generate(**ids, do_sample=False, max_new_tokens=12)
        alone = str(tokenizer.decode(output[0, ids["input_ids"].shape[1] :], skip_special_tokens=True))
        # The bytes of a character that the limit cuts are left out.
        assert answers[request.key].text in (alone, alone.removesuffix("\ufffd"))
        assert answers[request.key].usage.prompt_tokens == ids["input_ids"].shape[1]


def test_a_sampled_answer_depends_on_its_own_seed_only(engine_of: Engines) -> None:
    engine = engine_of("qwen3")
    asked = ask("The invoice", 99, temperature=0.8, top_p=0.9, top_k=50, seed=7, max_new_tokens=10)
    alone = by_key(engine.generate([asked]))[99]
    among = by_key(engine.generate([*letters(9, temperature=1.3, seed=3, max_new_tokens=8), asked]))
    assert among[99].text == alone.text
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
    assert texts({key: answers[key] for key in range(6)}) == texts(by_key(engine.generate(good)))


def test_an_exception_of_on_step_leaves_the_engine_usable(
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


def test_on_step_is_called_at_every_step(checkpoint: Checkpoint) -> None:
    steps: list[None] = []
    passes: list[int] = []
    hooks = EngineHooks(on_step=lambda: steps.append(None), on_batch=lambda _: None)
    engine = TransformersEngine(str(checkpoint("qwen2")), EngineOptions("cpu", batch_rows=4), hooks)
    engine.load()
    with failing(lambda ids: passes.append(ids.numel())):
        list(engine.generate(letters(10, max_new_tokens=5)))
    assert len(steps) >= len(passes) >= 3 * 5


def test_an_engine_that_is_not_loaded_says_so(checkpoint: Checkpoint, quiet: EngineHooks) -> None:
    engine = TransformersEngine(str(checkpoint("qwen2")), EngineOptions("cpu"), quiet)
    with pytest.raises(ModelUnavailable, match="load"):
        next(iter(engine.generate(letters(1))))
    with pytest.raises(ModelUnavailable, match="load"):
        engine.describe()
    engine.load()
    assert len(list(engine.generate(letters(1)))) == 1


def test_an_abandoned_generation_leaves_the_engine_usable(engine_of: Engines) -> None:
    engine = engine_of("qwen3")
    requests = letters(8, max_new_tokens=6)
    expected = texts(by_key(engine.generate(requests)))
    broken_off = engine.generate(requests)
    next(broken_off)
    broken_off.close()  # type: ignore[attr-defined]
    assert texts(by_key(engine.generate(requests))) == expected


def test_an_exception_of_the_requests_leaves_the_engine_usable(engine_of: Engines) -> None:
    def requests() -> Iterator[Request]:
        yield from letters(3, max_new_tokens=4)
        raise ConnectionError("the store is away")

    engine = engine_of("qwen3")
    with pytest.raises(ConnectionError, match="the store is away"):
        list(engine.generate(requests()))
    assert len(by_key(engine.generate(letters(5, max_new_tokens=4)))) == 5


def test_on_step_is_called_while_requests_are_awaited(checkpoint: Checkpoint) -> None:
    stepped = Event()

    def requests() -> Iterator[Request]:
        assert stepped.wait(30), "the engine made no step"
        yield from letters(2, max_new_tokens=2)

    engine = TransformersEngine(
        str(checkpoint("qwen3")), EngineOptions("cpu"), EngineHooks(stepped.set, lambda _: None)
    )
    engine.load()
    assert len(by_key(engine.generate(requests()))) == 2


def test_answers_come_as_they_finish(engine_of: Engines) -> None:
    requests = [ask("one", 1, max_new_tokens=40), ask("one", 2, max_new_tokens=1)]
    assert next(iter(engine_of("qwen3").generate(requests))).key == 2


def test_no_inference_mode_is_left_behind_between_answers(engine_of: Engines) -> None:
    answers = engine_of("qwen3").generate(letters(3, max_new_tokens=3))
    next(answers)
    assert not torch.is_inference_mode_enabled()
    answers.close()  # type: ignore[attr-defined]


def test_an_architecture_that_cannot_be_prepared_is_refused_in_a_sentence(
    checkpoint: Checkpoint, quiet: EngineHooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cache_size(_network: object) -> None:
        raise AttributeError("'NoneType' object has no attribute 'nbytes'")

    monkeypatch.setattr(engine_module, "cache_size", cache_size)
    with pytest.raises(ModelUnavailable, match=r"its architecture, qwen3 .*: take a chat model"):
        TransformersEngine(str(checkpoint("qwen3")), EngineOptions("cpu"), quiet).load()
