"""Tries grammars where they can be killed, before this process compiles them: it may take long, or much memory."""

import hashlib
import logging
from collections import OrderedDict
from threading import Lock

import orjson

from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.confined.process import ConfinedProcess
from qwenq.schemas.errors import ConfinedCallFailed, ConfinedProcessKilled, InvalidSchema
from qwenq.worker.engines.transformers.choosing.grammar_child import GRAMMAR, TOKENS

LIMITS = Limits(seconds=5, memory_bytes=512 * 1024**2, answer_bytes=1024)
_CHILD = "qwenq.worker.engines.transformers.choosing.grammar_child"
_TOKENS_SECONDS = 60
_MOST_KNOWN = 10_000

_log = logging.getLogger("qwenq.engine")


class GrammarTrial:
    """A process that compiles grammars for one tokenizer, and what it found. Any thread may ask.

    `tokenizer` is the text of a tokenizer.json, `width` the size of the logits, `ends` the tokens that end an answer.
    """

    def __init__(self, tokenizer: str, width: int, ends: list[int] | None) -> None:
        self._tokens = TOKENS + orjson.dumps({"tokenizer": tokenizer, "width": width, "ends": ends})
        self._process = ConfinedProcess(_CHILD, LIMITS)
        self._known: OrderedDict[bytes, int | str] = OrderedDict()
        self._lock = Lock()

    def bytes_of(self, grammar: str) -> int:
        """Return the bytes that a grammar takes. Raises InvalidSchema if it cannot be compiled within the limits.

        Tries each grammar once. Returns 0 where no trial is possible, which is logged.
        """
        key = hashlib.sha256(grammar.encode()).digest()
        with self._lock:
            found = self._known.pop(key, None)
            if found is None:
                found = self._tried(grammar)
            self._known[key] = found
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        if isinstance(found, str):
            raise InvalidSchema(reason=found)
        return found

    def close(self) -> None:
        """End the process, which holds the tokenizer, unless it is in use. The next trial starts another."""
        if self._lock.acquire(blocking=False):
            try:
                self._process.close()
            finally:
                self._lock.release()

    def _tried(self, grammar: str) -> int | str:
        if not self._has_tokens():
            return 0
        try:
            return int(self._process.call(GRAMMAR + grammar.encode()))
        except ConfinedProcessKilled as killed:
            return f"making its grammar {killed.reason}"
        except ConfinedCallFailed as failed:
            return failed.reason.removeprefix("ValueError: ")

    def _has_tokens(self) -> bool:
        """Hand the tokenizer to a process that has just started."""
        if not self._process.is_fresh:
            return True
        try:
            self._process.call(self._tokens, seconds=_TOKENS_SECONDS)
        except (ConfinedProcessKilled, ConfinedCallFailed, OSError) as error:
            self._process.close()
            _log.warning("grammars are compiled without a trial: %s", error)
            return False
        return True
