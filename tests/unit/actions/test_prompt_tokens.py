"""A model's chat template is a program of its checkpoint: whatever it does, the person's command goes on."""

import shutil
from pathlib import Path

from qwenq.actions.prompt_tokens import PromptTokens
from qwenq.schemas.prompts.messages import Message
from tests.processes import TINY_MODEL

SAID = (Message("user", "What is the total of invoice 7?"),)
ENDLESS = "{% for _ in range(99999) %}" * 3 + "{% endfor %}" * 3


def with_template(folder: Path, template: str) -> Path:
    """A copy of the tiny model with another chat template."""
    copy = folder / "model"
    shutil.copytree(TINY_MODEL, copy)
    (copy / "chat_template.jinja").write_text(template)
    return copy


def test_a_prompt_is_counted_by_the_models_own_template_and_tokenizer() -> None:
    tokens = PromptTokens(str(TINY_MODEL), thinking=False)
    text = tokens.text(SAID)
    assert text is not None
    assert "<|im_start|>user\nWhat is the total of invoice 7?<|im_end|>" in text
    assert tokens.count(SAID) > 0
    assert tokens.is_exact


def test_a_chat_template_without_end_is_given_up_and_tokens_are_estimated(tmp_path: Path) -> None:
    tokens = PromptTokens(str(with_template(tmp_path, ENDLESS)), thinking=False)
    assert tokens.is_exact
    assert tokens.text(SAID) is None
    assert tokens.count(SAID) > 0
    assert not tokens.is_exact


def test_a_chat_template_that_refuses_leaves_an_estimate(tmp_path: Path) -> None:
    tokens = PromptTokens(str(with_template(tmp_path, "{{ raise_exception('no') }}")), thinking=False)
    assert tokens.text(SAID) is None
    assert not tokens.is_exact
