"""Fits prompts into the model's context by shortening only the document in them."""

from dataclasses import dataclass

from qwenq.schemas.generation import Overflow
from qwenq.schemas.requests import Request
from qwenq.worker.engines.failures import no_room, refuse_blank
from qwenq.worker.engines.transformers.prompts.encoding import PromptEncoder

MOST_TRIES = 12
CLOSE_ENOUGH = 0.98  # of the room for the document


@dataclass(frozen=True, slots=True)
class Fitter:
    """Turns requests into token ids that leave room for the answer. `context` is in tokens."""

    encoder: PromptEncoder
    context: int

    def fit(self, request: Request) -> list[int]:
        """Return the prompt's ids. Raises EmptyPrompt, InvalidText, PromptFailed, PromptTooLong, OwnLimitTooHigh."""
        refuse_blank(request.prompt.messages)
        ids = self._encode(request, None)
        room = self.context - request.params.max_new_tokens
        if len(ids) <= room:
            return ids
        shortened = None
        if request.params.on_overflow is Overflow.TRUNCATE and room > 0:
            shortened = self._shorten(request, len(ids), room)
        if shortened is None:
            raise no_room(request, len(ids), self.context)
        return shortened

    def _shorten(self, request: Request, tokens: int, room: int) -> list[int] | None:
        """Search, by interpolation, for a beginning of the document that nearly fills the room.

        Returns None if not even one character fits.
        """
        fits, too_long = 0, request.prompt.document_chars
        bare = len(self._encode(request, 0))
        at_fits, at_too_long = bare, tokens
        best: list[int] | None = None
        for _ in range(MOST_TRIES):
            if bare >= room or too_long - fits <= 1:
                break
            share = (room - at_fits) / max(1, at_too_long - at_fits)
            chars = min(max(fits + int((too_long - fits) * share), fits + 1), too_long - 1)
            ids = self._encode(request, chars)
            if len(ids) > room:
                too_long, at_too_long = chars, len(ids)
                continue
            fits, at_fits, best = chars, len(ids), ids
            if at_fits - bare >= CLOSE_ENOUGH * (room - bare):
                break
        return best

    def _encode(self, request: Request, chars: int | None) -> list[int]:
        prompt = request.prompt
        messages = prompt.messages if chars is None else prompt.shortened(chars)
        return self.encoder.encode(messages, thinking=request.params.thinking)
