"""Load a model: weights, tokenizer, and what the engine needs to know about both."""

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from qwenq.schemas.errors import ModelUnavailable
from qwenq.schemas.requests import ModelInfo
from qwenq.schemas.settings import Quantize
from qwenq.worker.engines.hub_name import HubName
from qwenq.worker.engines.memory import MemoryHeld, readable
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.revision import revision_of
from qwenq.worker.engines.transformers.loading.chat_template import TemplateTrial
from qwenq.worker.engines.transformers.loading.context import Context
from qwenq.worker.engines.transformers.loading.device import (
    choose_device,
    choose_dtype,
    dtype_name,
    free_memory,
    slow_reason,
)
from qwenq.worker.engines.transformers.loading.model_errors import reason_of
from qwenq.worker.engines.transformers.loading.progress import LoadMeter, bytes_to_download
from qwenq.worker.engines.transformers.loading.quantization import (
    check_quantize,
    check_whole,
    own_quantization,
)
from qwenq.worker.engines.transformers.loading.quantized import (
    bitsandbytes_config,
    correct_quantized,
    is_dequantized,
    prepare_checkpoint,
)
from qwenq.worker.engines.transformers.loading.source import NO_TOKENIZER, check_source
from qwenq.worker.engines.transformers.loading.weights import Weights, check_files_fit
from qwenq.worker.engines.transformers.prompts.vocabulary import Vocabulary

logger = logging.getLogger("qwenq.engine")

# Transformers, the hub client and safetensors raise these for a missing or damaged checkpoint.
LOADING_RAISES = (
    OSError,
    ValueError,
    RuntimeError,
    ImportError,
    LookupError,
    TypeError,
    SafetensorError,
)
FEWEST_TOKENS = 16  # Transformers makes an almost empty tokenizer if its files are missing
NO_LIMIT = 10**30  # as Transformers sets it for a tokenizer without a limit


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A resident model and its tokenizer. `context` is in tokens."""

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    vocabulary: Vocabulary
    context: int
    info: ModelInfo

    @property
    def device(self) -> torch.device:
        """The device that holds the weights."""
        return self.network.device


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to load and how, decided before the weights are read.

    `name` has the commit, if it is known. `own` is the checkpoint's quantization.
    """

    model: str
    name: HubName
    config: PreTrainedConfig
    weights: Weights
    device: torch.device
    dtype: torch.dtype
    quantize: Quantize
    own: str | None
    context: int

    @property
    def format(self) -> str:
        """The number format, and how the weights are quantized."""
        fewer = self.own or (self.quantize if self.quantize != "none" else "")
        return f"{dtype_name(self.dtype)}, {fewer}" if fewer else dtype_name(self.dtype)


def load_model(model: str, options: EngineOptions, meter: LoadMeter | None = None) -> LoadedModel:
    """Load `model`, a hub id or a folder, and tell `meter` how far it is. Code that comes with it is never run.

    Raises ModelUnavailable, also if the model is larger than the free memory; InvalidSetting for device, dtype,
    quantize or context.
    """
    started = time.perf_counter()
    check_source(model)
    device = choose_device(options.device)
    check_quantize(options.quantize, device.type)
    before = MemoryHeld.now(device)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        plan = _plan(model, device, options)
        tokenizer = AutoTokenizer.from_pretrained(
            plan.name.repository, revision=plan.name.revision, trust_remote_code=False
        )
        with TemplateTrial(model, tokenizer) as trial:
            network = _load_network(plan, meter or LoadMeter(lambda _: None))
            trial.check()
    except LOADING_RAISES as error:
        raise ModelUnavailable(model=model, reason=reason_of(error)) from error
    _check_tokenizer(model, tokenizer, network)
    free_memory(device)
    loaded = _describe(plan, network, tokenizer, time.perf_counter() - started)
    _log_memory(plan, loaded.info, before, network.get_memory_footprint())  # type: ignore[no-untyped-call]
    return loaded


def _plan(model: str, device: torch.device, options: EngineOptions) -> _Plan:
    name = HubName.of(model)
    config = AutoConfig.from_pretrained(name.repository, revision=name.revision, trust_remote_code=False)
    # What is loaded next is of the same commit, even if the branch moves on meanwhile.
    name = replace(name, revision=getattr(config, "_commit_hash", None) or name.revision)
    context = Context.of(config).chosen(model, options.context)
    own = own_quantization(config.to_dict())
    check_whole(model, options.quantize, own)
    dtype = choose_dtype(options.dtype, device, config.dtype or torch.float32)
    if slow := slow_reason(device, dtype):
        logger.warning("%s: %s", model, slow)
    weights = Weights.of(config)
    if own is not None:
        weights = replace(weights, quantizable=0)
        prepare_checkpoint(config, own)
    if options.quantize != "none" and weights.quantizable < weights.parameters / 2:
        share = weights.quantizable / weights.parameters
        logger.warning(
            "%s: %s reaches only %.0f%% of its weights; a mixture's experts and embeddings stay whole",
            model, options.quantize, 100 * share,
        )  # fmt: skip
    if own is None or is_dequantized(own):
        weights.check_fit(model, device, dtype, options.quantize)
    else:
        check_files_fit(model, device)
    return _Plan(model, name, config, weights, device, dtype, options.quantize, own, context)


def _load_network(plan: _Plan, meter: LoadMeter) -> PreTrainedModel:
    quantized = plan.own is not None or plan.quantize != "none"
    is_here = Path(plan.name.repository).is_dir()
    with meter.weights(plan.weights.bytes_in(plan.dtype, plan.quantize)):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            plan.name.repository,
            revision=plan.name.revision,
            trust_remote_code=False,
            config=plan.config,
            dtype=plan.dtype,
            quantization_config=bitsandbytes_config(plan.quantize, plan.dtype, plan.weights.kept),
            # Load straight onto the device, so that main memory never holds the weights twice. Quantized weights would
            # otherwise go to the first GPU.
            device_map=plan.device if quantized or plan.device.type != "cpu" else None,
            output_loading_info=True,
            tqdm_class=meter.download_bars(None if is_here else bytes_to_download(plan.name)),
        )
    network: PreTrainedModel = loaded[0]
    if missing := sorted(loaded[1]["missing_keys"]):
        # Transformers would fill them with random numbers and only warn.
        raise ValueError(f"its weights lack {len(missing)} tensors, {missing[0]} first")
    if quantized:
        correct_quantized(network, plan.dtype)
    return network


def _check_tokenizer(model: str, tokenizer: PreTrainedTokenizerBase, network: PreTrainedModel) -> None:
    if not tokenizer.is_fast or len(tokenizer) < FEWEST_TOKENS:
        raise ModelUnavailable(model=model, reason=NO_TOKENIZER)
    if not tokenizer.chat_template:
        raise ModelUnavailable(
            model=model,
            reason="its tokenizer has no chat template: take the model's chat or instruct version",
        )
    table: Any = network.get_input_embeddings()
    known, embedded = len(tokenizer), table.weight.shape[0]
    if known > embedded:
        raise ModelUnavailable(
            model=model, reason=f"its tokenizer has {known} tokens, its weights only {embedded}"
        )


def _describe(
    plan: _Plan,
    network: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    seconds: float,
) -> LoadedModel:
    # Every added token counts as a control token, not only those that the template names.
    tokenizer.chat_control_tokens = list(tokenizer.get_added_vocab())
    tokenizer.model_max_length = NO_LIMIT  # the engine checks lengths itself
    info = ModelInfo(
        model=plan.model,
        device=str(network.device),
        dtype=plan.format,
        context=plan.context,
        parameters=plan.weights.parameters,
        load_seconds=seconds,
        revision=revision_of(plan.model),
    )
    vocabulary = Vocabulary.of(tokenizer, network.generation_config)
    return LoadedModel(network, tokenizer, vocabulary, info.context, info)


def _log_memory(plan: _Plan, info: ModelInfo, before: MemoryHeld, weight_bytes: int) -> None:
    logger.info(
        "model loaded: %s on %s in %s, %s parameters, context %d, in %.1f s; memory %s; weights %s, unquantized %s",
        info.model,
        info.device,
        info.dtype,
        f"{info.parameters:,}",
        info.context,
        info.load_seconds,
        MemoryHeld.now(plan.device).since(before),
        readable(weight_bytes),
        readable(plan.weights.bytes_in(plan.dtype)),
    )
