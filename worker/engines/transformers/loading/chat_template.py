"""Tries a checkpoint's chat template where it can be killed: it is a program, and may run for ever."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from transformers import PreTrainedTokenizerBase
from transformers.utils.hub import LEGACY_PROCESSOR_CHAT_TEMPLATE_FILE as LEGACY
from transformers.utils.hub import cached_file

from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.confined.process import ConfinedProcess
from qwenq.schemas.errors import ConfinedCallFailed, ConfinedProcessKilled, ModelUnavailable
from qwenq.worker.engines.hub_name import HubName
from qwenq.worker.engines.transformers.loading.files import AGAIN

_CHILD = "qwenq.worker.engines.transformers.prompts.template_child"
_LIMITS = Limits(seconds=10, memory_bytes=512 * 1024**2, answer_bytes=0)


def legacy_template(name: HubName) -> str | None:
    """Read the template that older checkpoints of models that see keep for their processor; None if there is none.

    Raises ValueError if the file is damaged, and what the hub client raises.
    """
    found = cached_file(
        name.repository, LEGACY, revision=name.revision,
        _raise_exceptions_for_missing_entries=False, _raise_exceptions_for_connection_errors=False,
    )  # fmt: skip
    if found is None:
        return None
    try:
        template = json.loads(Path(found).read_text("utf-8"))["chat_template"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"its {LEGACY} is damaged ({error!r}): {AGAIN}") from error
    return str(template)


class TemplateTrial:
    """Renders short conversations with a model's template, in another process, while its weights are loaded."""

    def __init__(self, model: str, tokenizer: PreTrainedTokenizerBase) -> None:
        self._model = model
        self._process = ConfinedProcess(_CHILD, _LIMITS)
        self._template = tokenizer.get_chat_template() if tokenizer.chat_template else ""
        self._answer: Iterator[bytes] = iter(())

    def __enter__(self) -> Self:
        self._answer = self._process.begin(self._template.encode("utf-8", "replace"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.close()

    def check(self) -> None:
        """Wait until it is done. Raises ModelUnavailable if the template takes too long or too much memory."""
        try:
            for _ in self._answer:
                pass
        except ConfinedProcessKilled as killed:
            reason = f"its chat template cannot be used: rendering a short conversation {killed.reason}"
            raise ModelUnavailable(model=self._model, reason=reason) from None
        except ConfinedCallFailed as failed:
            raise ModelUnavailable(
                model=self._model, reason=f"its chat template cannot be used: {failed.reason}"
            ) from None
