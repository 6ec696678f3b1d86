"""The engine over Transformers: one resident model, packed or padded documents, our own decode loop."""

import copy
import logging
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from qwenq.schemas.errors import ModelUnavailable
from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.requests import Completion, EngineHooks, ModelInfo, Request
from qwenq.worker.engines.cores import usable_cores
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.protocol import EngineDescription
from qwenq.worker.engines.transformers.budget import TokenBudget
from qwenq.worker.engines.transformers.choosing.grammars import Grammars
from qwenq.worker.engines.transformers.dense.forward import DenseForward
from qwenq.worker.engines.transformers.dense.graph_choice import choose_recorder
from qwenq.worker.engines.transformers.dense.graphed_forward import MOST_BYTES, GraphedForward
from qwenq.worker.engines.transformers.dense.kernel import DenseKernel
from qwenq.worker.engines.transformers.dense.prepacked import prepack
from qwenq.worker.engines.transformers.intake import Intake
from qwenq.worker.engines.transformers.loading.kinds import CHAT_MODEL
from qwenq.worker.engines.transformers.loading.loading import LoadedModel, load_model
from qwenq.worker.engines.transformers.loading.progress import LoadMeter
from qwenq.worker.engines.transformers.packed.rows import PackedRows, step_tokens
from qwenq.worker.engines.transformers.packed.step import Forward
from qwenq.worker.engines.transformers.padded.cache import cache_size
from qwenq.worker.engines.transformers.padded.rows import PaddedRows
from qwenq.worker.engines.transformers.prompts.encoding import PromptEncoder
from qwenq.worker.engines.transformers.prompts.fitting import Fitter
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.engines.transformers.runner import Runner
from qwenq.worker.engines.transformers.scheduler import Scheduler
from qwenq.worker.engines.transformers.way import pads, prepare_packing

_log = logging.getLogger("qwenq.engine")

UNFIT = (AttributeError, TypeError, LookupError, NotImplementedError)
"""What an architecture raises that lacks what all others have."""
LOAD_FIRST = "load() was not called"
_KERNELS: dict[type, str] = {
    DenseKernel: "a C kernel",
    DenseForward: "PyTorch",
    GraphedForward: "PyTorch",
}
"""What computes a pass. All other passes run through Transformers' own layers."""
ENOUGH_WAITING = 2  # batches: with this many waiting, the next chunk is not requested yet


@dataclass(frozen=True, slots=True)
class _Ready:
    """A resident model with what prepares requests and what runs them."""

    loaded: LoadedModel
    budget: TokenBudget
    forward: Forward | None
    runner: Runner
    fitter: Fitter
    grammars: Grammars

    @classmethod
    def of(cls, loaded: LoadedModel, options: EngineOptions) -> "_Ready":
        network = loaded.network
        record = choose_recorder(network, options)
        budget = _calibrated(network, options, MOST_BYTES if record is not None else 0)
        prepack(network)
        forward = prepare_packing(network, record)
        if forward is None:
            _limit_padding(loaded, budget)
        runner = PaddedRows(network, budget) if forward is None else PackedRows(network, forward, budget)
        # Another tokenizer: while one thread encodes with a tokenizer, another cannot decode with it.
        encoder = PromptEncoder(copy.deepcopy(loaded.tokenizer))
        width = network.config.get_text_config(decoder=True).vocab_size
        grammars = Grammars(loaded.vocabulary, width)
        ready = cls(loaded, budget, forward, runner, Fitter(encoder, loaded.context), grammars)
        _log.info("documents are %s", ready.describe())
        return ready

    def describe(self) -> EngineDescription:
        graphed = self.forward if isinstance(self.forward, GraphedForward) else None
        return EngineDescription(
            way="padded" if self.forward is None else "packed",
            kernel=_KERNELS.get(type(self.forward), "Transformers"),
            device=str(self.loaded.device),
            dtype=self.loaded.info.dtype,
            rows=self.budget.rows,
            tokens=self.budget.cells,
            replays_graphs=graphed is not None and graphed.failure is None,
            graphs=graphed.graphs if graphed is not None else 0,
        )

    def prepare(self, request: Request) -> RequestState:
        """Tokenize a request and compile its grammar. Raises DocumentFailed."""
        prompt = self.fitter.fit(request)
        grammar = self.grammars.grammar_for(request.params, prompt)
        params = request.params
        closing: tuple[int, ...] = ()
        if params.thinking_budget is not None and self.loaded.vocabulary.think_close is not None:
            closing = self.fitter.encoder.closing(params.thinking_closing)
        return RequestState(
            request.key, prompt, params, self.loaded.vocabulary, request.group, grammar, closing
        )


class TransformersEngine:
    """Answers requests with any causal language model that Transformers itself knows."""

    def __init__(self, model: str, options: EngineOptions, hooks: EngineHooks) -> None:
        self._model = model
        self._options = options
        self._hooks = hooks
        self._ready: _Ready | None = None
        self._scheduler: Scheduler | None = None

    def load(self) -> ModelInfo:
        """Make the model resident. Raises ModelUnavailable, or InvalidSetting for device and dtype."""
        if self._ready is None:
            if "OMP_NUM_THREADS" not in os.environ:
                torch.set_num_threads(usable_cores())
            loaded = load_model(self._model, self._options, LoadMeter(self._hooks.on_load))
            try:
                self._ready = _Ready.of(loaded, self._options)
            except UNFIT as error:
                kind = loaded.network.config.model_type
                reason = f"qwenq cannot generate with its architecture, {kind} ({error!r}): {CHAT_MODEL}"
                raise ModelUnavailable(model=self._model, reason=reason) from error
        return self._ready.loaded.info

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer requests; a thread reads `requests` ahead.

        Exceptions of `hooks.on_step` and `requests` pass through, and the engine stays usable. Raises ModelUnavailable
        before `load`.
        """
        ready = self._loaded()

        def prepare(request: Request) -> RequestState:
            with self._hooks.on_prepare():
                return ready.prepare(request)

        intake = Intake(requests, prepare, ENOUGH_WAITING * ready.budget.rows)
        self._scheduler = Scheduler(ready.runner, intake, ready.budget, ready.loaded.device, self._hooks)
        try:
            yield from self._scheduler.run()
        except BaseException:
            ready.runner.release()  # a step may have been interrupted half-way
            raise
        finally:
            self._scheduler = None
            intake.close()
            ready.grammars.close()
            ready.fitter.encoder.close()

    def prompt_tokens(self, messages: Iterable[Message], *, thinking: bool) -> int:
        """Count a prompt's tokens. While requests are read, only the thread that reads them may call it."""
        return len(self._loaded().fitter.encoder.encode(messages, thinking=thinking))

    def withdraw(self, group: int) -> None:
        """Drop the group's requests; they get no completions. Only `on_step` may call it."""
        if self._scheduler is not None:
            self._scheduler.withdraw(group)

    def withdraw_waiting(self, group: int, first: int = 0) -> Collection[int]:
        """Drop the group's requests that are not running, from within `on_step`. Returns the keys of the others."""
        return () if self._scheduler is None else self._scheduler.withdraw_waiting(group, first)

    def hurry(self) -> None:
        """Read on now, however much waits: an urgent request comes next."""
        scheduler = self._scheduler
        if scheduler is not None:
            scheduler.hurry()

    def waiting(self) -> int:
        """Count the requests that were read and are not running."""
        scheduler = self._scheduler
        return 0 if scheduler is None else scheduler.waiting

    def describe(self) -> EngineDescription:
        """Say how documents go through the model. Raises ModelUnavailable before `load`."""
        return self._loaded().describe()

    def _loaded(self) -> _Ready:
        if self._ready is None:
            raise ModelUnavailable(model=self._model, reason=LOAD_FIRST)
        return self._ready


def _limit_padding(loaded: LoadedModel, budget: TokenBudget) -> None:
    """Answer one by one if padding would change answers. Raises ModelUnavailable if that would too."""
    try:
        if not pads(loaded.network):
            budget.rows = 1
    except ValueError as error:
        raise ModelUnavailable(model=loaded.info.model, reason=str(error)) from error


def _calibrated(network: PreTrainedModel, options: EngineOptions, beside: int) -> TokenBudget:
    """Measure the token budget. The model, a pass through it, and `beside` bytes more must fit in memory too."""
    config = network.config.get_text_config(decoder=True)
    tokens = step_tokens(network.device)
    wide = 4 * config.hidden_size + 3 * getattr(config, "intermediate_size", 4 * config.hidden_size)
    rows = options.batch_rows or 256
    passing = tokens * wide * network.dtype.itemsize + 3 * rows * config.vocab_size * torch.float32.itemsize
    return TokenBudget.calibrated(
        network.device, cache_size(network), passing + beside, options.batch_rows, options.batch_tokens
    )
