"""Turns chat messages into token ids. The text of a document never becomes a control token."""

import re
from collections.abc import Iterable
from typing import cast

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from qwenq.schemas.errors import InvalidText, PromptFailed
from qwenq.schemas.prompts.messages import BARE, Message
from qwenq.worker.engines.transformers.prompts.chat_trial import ChatTrial
from qwenq.worker.engines.transformers.prompts.vocabulary import THINK_CLOSE

LONGEST_REASON = 300
_PANIC = "PanicException"
TOKENIZE_QUIETLY = {"verbose": False}


class PromptEncoder:
    """Renders a conversation with the model's chat template and tokenizes it."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        names = sorted(tokenizer.get_added_vocab(), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, names)) or "(?!)")
        self._trial = ChatTrial(tokenizer.get_chat_template() if tokenizer.chat_template else "")
        self._closings: dict[str, tuple[int, ...]] = {}

    def encode(self, messages: Iterable[Message], *, thinking: bool) -> list[int]:
        """Tokenize `messages` with the header of the answer at the end; a bare text as it is, with its control tokens.

        A message that spells a control token gets its characters instead. All others get exactly the ids that the
        tokenizer's own template gives. Raises InvalidText, and PromptFailed for whatever the template or the tokenizer
        raises, and for a template that takes too long or too much memory with these messages.
        """
        chat = [{"role": message.role, "content": message.content} for message in messages]
        _refuse_lone_surrogates(chat)
        if [message["role"] for message in chat] == [BARE]:
            return list(self._tokenizer.encode(chat[0]["content"], **TOKENIZE_QUIETLY))
        spelled = any(self._control.search(message["content"]) for message in chat)
        self._trial.check(
            chat,
            {
                "add_generation_prompt": True,
                "enable_thinking": thinking,
                **self._tokenizer.special_tokens_map,
            },
        )
        try:
            ids = self._tokenizer.apply_chat_template(
                chat,
                add_generation_prompt=True,
                enable_thinking=thinking,
                # Not always on, because it drops two private-use characters from every text.
                sanitize_control_tokens=spelled,
                return_dict=False,
                tokenizer_kwargs=TOKENIZE_QUIETLY,
            )
        except TemplateError as error:
            raise PromptFailed(reason=f"the model's chat template refuses it: {error}") from error
        except BaseException as error:
            # A panic of the tokenizer's library is no Exception, and has no class to import.
            if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
                raise
            reason = f"{type(error).__name__}: {error}".partition("\n")[0][:LONGEST_REASON]
            raise PromptFailed(
                reason=f"the model's chat template or tokenizer fails with it: {reason}"
            ) from error
        return cast("list[int]", ids)

    def close(self) -> None:
        """End the process that tries templates, if there is one."""
        self._trial.close()

    def closing(self, sentence: str) -> tuple[int, ...]:
        """Tokenize what ends a reasoning early, as in Qwen3: a sentence, the tag on its own line, an empty line."""
        found = self._closings.get(sentence)
        if found is None:
            text = f"\n\n{sentence}\n{THINK_CLOSE}\n\n" if sentence else f"\n{THINK_CLOSE}\n\n"
            found = self._closings[sentence] = tuple(self._tokenizer.encode(text, add_special_tokens=False))
        return found


def _refuse_lone_surrogates(chat: list[dict[str, str]]) -> None:
    for message in chat:
        try:
            message["content"].encode()
        except UnicodeEncodeError as error:
            where = f"half of a surrogate pair at character {error.start + 1}"
            raise InvalidText(reason=f"the {message['role']} message has {where}") from None
