"""Load a model: weights, tokenizer, and what the engine needs to know about both."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
from qwenq.worker.engines.revision import weights_of
from qwenq.worker.engines.transformers.loading.chat_template import TemplateTrial, legacy_template
from qwenq.worker.engines.transformers.loading.context import Context
from qwenq.worker.engines.transformers.loading.device import (
    choose_device,
    choose_dtype,
    dtype_name,
    free_memory,
    slow_reason,
)
from qwenq.worker.engines.transformers.loading.files import AGAIN, NO_TOKENIZER
from qwenq.worker.engines.transformers.loading.generation_defaults import not_applied, sampling_of
from qwenq.worker.engines.transformers.loading.kinds import NO_TEMPLATE, reason_against, unknown_kind
from qwenq.worker.engines.transformers.loading.model_errors import LONGEST_WORDS, reason_of, unknown_value
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
from qwenq.worker.engines.transformers.loading.source import check_source
from qwenq.worker.engines.transformers.loading.text_part import TextPart, keys_of
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

    `name` has the commit, if it is known. `own` is the checkpoint's quantization. Of a model that sees or hears, only
    the `text_part` is loaded; `config` is that part's.
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
    text_part: TextPart | None

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
        tokenizer = _load_tokenizer(plan.name)
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
    if reason := reason_against(model, config.to_dict()):
        raise ModelUnavailable(model=model, reason=reason)
    own = own_quantization(config.to_dict())
    text_part = TextPart.of(config)
    if text_part is not None:
        logger.info("%s is a %s: only its text part is loaded", model, config.model_type)
        config = text_part.config
    context = Context.of(config).chosen(model, options.context)
    check_whole(model, options.quantize, own)
    dtype = choose_dtype(options.dtype, device, config.dtype or torch.float32)
    if slow := slow_reason(device, dtype):
        logger.warning("%s: %s", model, slow)
    weights = _weights_of(config)
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
    return _Plan(model, name, config, weights, device, dtype, options.quantize, own, context, text_part)


def _weights_of(config: PreTrainedConfig) -> Weights:
    """Count the weights. Raises ValueError that names what Transformers does not know of the configuration."""
    try:
        return Weights.of(config)
    except KeyError as error:
        raise ValueError(unknown_value(config.to_dict(), error.args[0])) from error
    except ValueError as error:
        if "Unrecognized configuration class" in str(error):
            raise ValueError(unknown_kind(config.to_dict())) from error
        raise


def _load_tokenizer(name: HubName) -> PreTrainedTokenizerBase:
    try:
        loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            name.repository, revision=name.revision, trust_remote_code=False
        )
    except (OSError, ValueError, ImportError):  # no such file, or no class for it
        raise
    except Exception as error:
        # The library of tokenizers raises a plain Exception or a TypeError for a tokenizer.json that it cannot read.
        said = " ".join(str(error).split())[:LONGEST_WORDS]
        raise ValueError(f"its tokenizer.json is damaged ({said}): {AGAIN}") from error
    if not loaded.chat_template and (template := legacy_template(name)):
        loaded.chat_template = template
    return loaded


def _load_network(plan: _Plan, meter: LoadMeter) -> PreTrainedModel:
    quantized = plan.own is not None or plan.quantize != "none"
    is_here = Path(plan.name.repository).is_dir()
    with meter.weights(plan.weights.bytes_in(plan.dtype, plan.quantize)), _quiet_about_rest(plan):
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
            key_mapping=keys_of(plan.text_part),
            output_loading_info=True,
            tqdm_class=meter.download_bars(None if is_here else bytes_to_download(plan.name)),
        )
    network: PreTrainedModel = loaded[0]
    if plan.text_part is not None:
        plan.text_part.name_own_type(network)
    if missing := sorted(loaded[1]["missing_keys"]):
        # Transformers would fill them with random numbers and only warn.
        raise ValueError(f"its weights lack {len(missing)} tensors, {missing[0]} first")
    if quantized:
        correct_quantized(network, plan.dtype)
    return network


@contextmanager
def _quiet_about_rest(plan: _Plan) -> Iterator[None]:
    """Keep Transformers from listing each weight that a text part leaves out."""
    before = transformers_logging.get_verbosity()
    if plan.text_part is not None:
        transformers_logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)


def _check_tokenizer(model: str, tokenizer: PreTrainedTokenizerBase, network: PreTrainedModel) -> None:
    if not tokenizer.is_fast or len(tokenizer) < FEWEST_TOKENS:
        raise ModelUnavailable(model=model, reason=NO_TOKENIZER)
    if not tokenizer.chat_template:
        raise ModelUnavailable(
            model=model,
            reason=NO_TEMPLATE,
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
        weights=weights_of(plan.model),
        generation=sampling_of(network.generation_config),
        not_applied=not_applied(network.generation_config),
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
