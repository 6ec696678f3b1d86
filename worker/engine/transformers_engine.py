"""The engine over Transformers: one resident model, padded batches, a decode loop of its own."""

import os
from collections.abc import Iterable, Iterator

import torch

from schemas.errors import DocumentFailed, ModelUnavailable
from schemas.requests import Completion, EngineHooks, ModelInfo, Request
from worker.engine.answering import BatchAnswerer
from worker.engine.batching import BatchLimits, pack, windows
from worker.engine.cores import usable_cores
from worker.engine.device import free_memory
from worker.engine.encoding import PromptEncoder
from worker.engine.failures import failed_completion
from worker.engine.fitting import Fitter
from worker.engine.loading import LoadedModel, load_model
from worker.engine.options import EngineOptions
from worker.engine.sequence import Sequence

LOAD_FIRST = "load() was not called"


class TransformersEngine:
    """Answers requests with any causal language model that Transformers itself knows."""

    def __init__(self, model: str, options: EngineOptions, hooks: EngineHooks) -> None:
        self._model = model
        self._options = options
        self._hooks = hooks
        self._loaded: LoadedModel | None = None

    def load(self) -> ModelInfo:
        """Make the model resident. Raises ModelUnavailable, or InvalidSetting for device and dtype."""
        if self._loaded is None:
            if "OMP_NUM_THREADS" not in os.environ:
                torch.set_num_threads(usable_cores())
            self._loaded = load_model(self._model, self._options)
        return self._loaded.info

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request, a window of them after the other, each as it finishes.

        What `hooks.on_step` raises passes through, and the engine can be used again. Raises
        ModelUnavailable before `load`.
        """
        if self._loaded is None:
            raise ModelUnavailable(model=self._model, reason=LOAD_FIRST)
        loaded = self._loaded
        fitter = Fitter(PromptEncoder(loaded.tokenizer), loaded.context)
        answerer = BatchAnswerer(loaded.network, self._hooks)
        limits = BatchLimits(self._options.batch_rows, self._options.batch_tokens)
        for window in windows(requests):
            sequences: list[Sequence] = []
            for request in window:
                self._hooks.on_step()
                try:
                    prompt = fitter.fit(request)
                except DocumentFailed as error:
                    yield failed_completion(request.key, error)
                else:
                    sequences.append(Sequence(request.key, prompt, request.params, loaded.vocabulary))
            for batch in pack(sequences, limits):
                yield from answerer.answer(batch)

    def close(self) -> None:
        """Let the model and its memory go."""
        if self._loaded is not None:
            device = self._loaded.device
            self._loaded = None
            free_memory(device)
