"""Make a model resident: weights, tokenizer, and what the engine must know of both."""

import logging
import time
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from schemas.errors import ModelUnavailable
from schemas.requests import ModelInfo
from worker.engine.device import choose_device, choose_dtype, dtype_name
from worker.engine.model_errors import reason_of
from worker.engine.options import EngineOptions
from worker.engine.source import check_source
from worker.engine.vocabulary import Vocabulary

logger = logging.getLogger("qwenq.engine")

# What Transformers, the hub client and safetensors raise over a checkpoint that is away or damaged.
LOADING_RAISES = (
    OSError,
    ValueError,
    RuntimeError,
    ImportError,
    LookupError,
    TypeError,
    SafetensorError,
)
FEWEST_TOKENS = 16  # without its files, Transformers makes a tokenizer that knows next to nothing
UNLIMITED_CONTEXT = 2**31  # of models whose state does not grow
NO_LIMIT = 10**30  # what Transformers itself gives a tokenizer without a limit


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


def load_model(model: str, options: EngineOptions) -> LoadedModel:
    """Load `model`, a hub id or a folder. Raises ModelUnavailable, or InvalidSetting for device and dtype."""
    started = time.perf_counter()
    device = choose_device(options.device)
    check_source(model)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        config = AutoConfig.from_pretrained(model)
        tokenizer = AutoTokenizer.from_pretrained(model)
        dtype = choose_dtype(options.dtype, device, config.dtype or torch.float32)
        network = _load_network(model, dtype, device)
    except LOADING_RAISES as error:
        raise ModelUnavailable(model=model, reason=reason_of(error)) from error
    _check_tokenizer(model, tokenizer, network)
    loaded = _describe(model, network, tokenizer, started)
    logger.info("model loaded: %s", loaded.info)
    return loaded


def _load_network(model: str, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        model,
        dtype=dtype,
        # Straight onto the device: the weights never lie twice in main memory.
        device_map=None if device.type == "cpu" else device,
        output_loading_info=True,
    )
    network: PreTrainedModel = loaded[0]
    if missing := sorted(loaded[1]["missing_keys"]):
        # Transformers would fill these with random numbers and only warn.
        raise ValueError(f"its weights lack {len(missing)} tensors, {missing[0]} first")
    return network


def _check_tokenizer(model: str, tokenizer: PreTrainedTokenizerBase, network: PreTrainedModel) -> None:
    if not tokenizer.is_fast or len(tokenizer) < FEWEST_TOKENS:
        raise ModelUnavailable(model=model, reason="there is no tokenizer (tokenizer.json)")
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
    model: str, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, started: float
) -> LoadedModel:
    # Every token of every added kind counts as a control token, not only those that the template names.
    tokenizer.chat_control_tokens = list(tokenizer.get_added_vocab())
    tokenizer.model_max_length = NO_LIMIT  # the engine compares lengths with the model's context itself
    config = network.config.get_text_config(decoder=True)
    info = ModelInfo(
        model=model,
        device=str(network.device),
        dtype=dtype_name(network.dtype),
        context=getattr(config, "max_position_embeddings", UNLIMITED_CONTEXT),
        parameters=network.num_parameters(),
        load_seconds=time.perf_counter() - started,
    )
    vocabulary = Vocabulary.of(tokenizer, network.generation_config)
    return LoadedModel(network, tokenizer, vocabulary, info.context, info)
