"""Tries to render a conversation where it can be killed: a chat template may run for ever, or take all memory."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

import orjson

from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.confined.process import ConfinedProcess
from qwenq.schemas.errors import ConfinedCallFailed, ConfinedProcessKilled, PromptFailed
from qwenq.worker.engines.transformers.prompts.ordinary import is_ordinary

LIMITS = Limits(seconds=2.0, memory_bytes=512 * 1024**2, answer_bytes=64 * 1024**2)
MOST_MESSAGES = 100
"""Of a conversation that an ordinary template renders without a trial."""
MOST_CHARACTERS = 4_000_000
_CHILD = "qwenq.worker.engines.chat_templates"
_HURRIED_SECONDS = 0.3
_MOST_KILLS = 3
"""So many conversations may take all the time there is, in a row; then the next ones get less."""


class ChatTrial:
    """A process that renders conversations with one chat template. It starts when it is first needed."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._process = ConfinedProcess(_CHILD, LIMITS)
        self._kills = 0
        self._lock = Lock()

    def check(self, chat: list[dict[str, str]], given: Mapping[str, Any]) -> None:
        """Render a conversation, unless that surely takes little. Raises PromptFailed if it goes too far.

        What the template itself raises is left to the caller, who renders it again.
        """
        if self._is_cheap(chat):
            return
        variables = {"messages": chat, "tools": None, "documents": None, **given}
        seconds = LIMITS.seconds if self._kills < _MOST_KILLS else _HURRIED_SECONDS
        try:
            with self._lock:
                self._process.call(orjson.dumps([self._template, variables]), seconds)
        except ConfinedCallFailed:
            self._kills = 0
        except ConfinedProcessKilled as killed:
            self._kills += 1
            raise PromptFailed(reason=f"the model's chat template {killed.reason} with it") from None
        else:
            self._kills = 0

    def close(self) -> None:
        """End the process, unless it is in use. The next trial starts another."""
        if self._lock.acquire(blocking=False):
            try:
                self._process.close()
            finally:
                self._lock.release()

    def _is_cheap(self, chat: list[dict[str, str]]) -> bool:
        return (
            len(chat) <= MOST_MESSAGES
            and sum(len(message["content"]) for message in chat) <= MOST_CHARACTERS
            and is_ordinary(self._template)
        )
