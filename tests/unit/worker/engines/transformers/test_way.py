"""Models are packed if their logits stay the same, else padded, else answered one by one, else refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    FalconMambaConfig,
    Gemma2Config,
    GptOssConfig,
    LlamaConfig,
    MambaConfig,
    OpenAIGPTConfig,
    PhimoeConfig,
    PreTrainedConfig,
    Qwen2MoeConfig,
    RecurrentGemmaConfig,
)

from qwenq.schemas.errors import ModelUnavailable
from qwenq.schemas.requests import EngineHooks
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.dense.forward import DenseForward
from qwenq.worker.engines.transformers.dense.graphed_forward import GraphedForward
from qwenq.worker.engines.transformers.dense.recording import Replay
from qwenq.worker.engines.transformers.engine import TransformersEngine
from qwenq.worker.engines.transformers.packed.kernel_attention import DecodeKernel
from qwenq.worker.engines.transformers.packed.step import PACKED
from qwenq.worker.engines.transformers.trial import LARGEST_DIFFERENCE_IN_HALF, MOST_BY_ROUNDING, Trial
from qwenq.worker.engines.transformers.way import pads, prepare_packing
from tests.models import ARCHITECTURES, EXPERTS, SIZES, save_model, save_spelling_model
from tests.recorded_operations import Recorder
from tests.scan.families import FAMILIES
from tests.scan.shrunken import random_network as made_network
from tests.unit.worker.engines.asking import ask
from tests.unit.worker.engines.transformers.alone import Alone
from tests.unit.worker.engines.transformers.running import (
    alone,
    check_all,
    documents,
    drain,
    packed,
    padded,
)

STATES: dict[str, Any] = {"vocab_size": SIZES["vocab_size"], "hidden_size": 64, "num_hidden_layers": 2}
BEYOND = 60  # tokens: more than the trial's documents have


def soft_capped() -> PreTrainedConfig:
    """Configure a Gemma2: soft-capped attention scores, and half of its layers with a sliding window."""
    return Gemma2Config(**SIZES, head_dim=16, query_pre_attn_scalar=16, sliding_window=16)


def with_sinks() -> PreTrainedConfig:
    """Configure a gpt-oss: attention with sinks."""
    return GptOssConfig(**SIZES, head_dim=16, num_local_experts=4, num_experts_per_tok=2, sliding_window=16)


def windowed_qwen2_moe() -> PreTrainedConfig:
    """Configure a Qwen2-MoE whose attention is not told of its window: only the mask has it."""
    shared: dict[str, Any] = {**SIZES, **EXPERTS, "shared_expert_intermediate_size": 48}
    return Qwen2MoeConfig(**shared, use_sliding_window=True, sliding_window=BEYOND, max_window_layers=1)


def windowed_phimoe() -> PreTrainedConfig:
    """Configure a PhiMoE whose attention is not told of its window."""
    return PhimoeConfig(**SIZES, num_local_experts=4, num_experts_per_tok=2, sliding_window=BEYOND)


def recurrent_gemma() -> PreTrainedConfig:
    """Configure a RecurrentGemma: padding changes its states."""
    heads: dict[str, Any] = {
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "lru_width": 64,
    }
    return RecurrentGemmaConfig(
        **STATES | {"num_hidden_layers": 3}, **heads, intermediate_size=192, attention_window_size=64
    )


def mamba() -> PreTrainedConfig:
    """Configure a Mamba, which has another name for its cache."""
    return MambaConfig(**STATES)


def falcon_mamba() -> PreTrainedConfig:
    """Configure a Falcon-Mamba."""
    return FalconMambaConfig(**STATES)


def random_network(config: PreTrainedConfig, dtype: torch.dtype = torch.float32) -> Any:
    torch.manual_seed(0)
    network: Any = AutoModelForCausalLM.from_config(config, dtype=dtype)  # type: ignore[no-untyped-call]
    return network.eval()


@pytest.mark.parametrize("name", [*ARCHITECTURES, "sliding", "tied"])
def test_qwen_models_are_packed(name: str, network_of: Callable[[str], Any]) -> None:
    network = network_of(name)
    assert prepare_packing(network)
    assert network.config._attn_implementation == PACKED


def test_a_llama_is_packed() -> None:
    assert prepare_packing(random_network(LlamaConfig(**SIZES)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("config", [soft_capped, with_sinks])
def test_a_model_whose_attention_has_more_terms_is_not_changed(
    config: Callable[[], PreTrainedConfig], dtype: torch.dtype, caplog: pytest.LogCaptureFixture
) -> None:
    network = random_network(config(), dtype)
    own = network.config._attn_implementation
    with caplog.at_level("INFO", "qwenq.engine"):
        assert not prepare_packing(network)
    assert network.config._attn_implementation == own
    assert "has the term" in caplog.text


def test_a_model_whose_layers_keep_states_is_not_changed(network_of: Callable[[str], Any]) -> None:
    network = network_of("qwen3_5")
    own = network.config._attn_implementation
    assert not prepare_packing(network)
    assert network.config._attn_implementation == own


@pytest.mark.parametrize("config", [soft_capped, with_sinks])
@pytest.mark.usefixtures("spelling")
def test_a_padded_model_answers_as_the_model_alone(
    config: Callable[[], PreTrainedConfig], tmp_path: Path, quiet: EngineHooks
) -> None:
    folder = save_spelling_model(tmp_path, config())
    alone = Alone(folder)
    engine = TransformersEngine(str(folder), EngineOptions("cpu", batch_rows=3), quiet)
    engine.load()
    requests = [ask("The total is due. " * (1 + key % 4), key, max_new_tokens=4 + key) for key in range(8)]
    for completion in engine.generate(requests):
        alone.check(requests[completion.key], completion)
    assert alone.compared


@pytest.mark.parametrize("config", [windowed_qwen2_moe, windowed_phimoe])
def test_windows_longer_than_the_trial_are_obeyed(config: Callable[[], PreTrainedConfig]) -> None:
    rows = documents([30, 3 * BEYOND, BEYOND - 4], new=12)
    drain(packed(random_network(config())), rows)
    check_all(random_network(config()), rows)


@pytest.mark.parametrize("config", [mamba, falcon_mamba, recurrent_gemma])
def test_a_model_that_padding_changes_is_answered_one_by_one(config: Callable[[], PreTrainedConfig]) -> None:
    network = random_network(config())
    assert not prepare_packing(network)
    assert not pads(network)
    rows = documents([30, 70, 9], new=6)
    drain(padded(network, rows=1), rows)
    for row in rows:
        assert row.generated == alone(network, row.prompt, row.params.max_new_tokens)[0]


def test_a_model_whose_state_is_not_kept_is_refused(tmp_path: Path, quiet: EngineHooks) -> None:
    config = OpenAIGPTConfig(vocab_size=SIZES["vocab_size"], n_embd=64, n_layer=2, n_head=4)
    engine = TransformersEngine(str(save_model(tmp_path, config)), EngineOptions("cpu"), quiet)
    with pytest.raises(ModelUnavailable, match="would not be those of Transformers' generate"):
        engine.load()


def test_graphs_are_used_only_if_their_logits_agree(
    network_of: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(function: Callable[[], torch.Tensor]) -> Replay:
        outcome = function() + 1
        return lambda: outcome

    monkeypatch.setattr(DecodeKernel, "compiled", lambda _: None)  # as on a GPU
    assert isinstance(prepare_packing(network_of("qwen3"), Recorder()), GraphedForward)
    with caplog.at_level("INFO", "qwenq.engine"):
        assert isinstance(prepare_packing(network_of("qwen3"), wrong), DenseForward)
    assert "decode steps are not replayed as graphs: the logits would differ by" in caplog.text


def test_models_without_a_dense_pass_have_no_graphs(network_of: Callable[[str], Any]) -> None:
    recorder = Recorder()
    assert prepare_packing(network_of("qwen3_moe"), recorder) is not None
    assert not recorder.recorded


def test_a_mixture_that_rounding_sends_to_other_experts_is_packed_in_bfloat16() -> None:
    network = made_network(FAMILIES["qwen3_moe"]()).to(torch.bfloat16)
    assert LARGEST_DIFFERENCE_IN_HALF < Trial.of(network).largest <= MOST_BY_ROUNDING
    assert prepare_packing(network)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_way_without_one_of_the_layers_is_not_taken_in_any_number_format(dtype: torch.dtype) -> None:
    network = made_network(FAMILIES["qwen3_moe"]()).to(dtype)
    trial = Trial.of(network)
    network.set_attn_implementation(PACKED)
    network.model.layers[2].self_attn.o_proj.weight.data.zero_()
    assert "would differ" in (trial.packed(network, lambda step: step.run(network)) or "")
