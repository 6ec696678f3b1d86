"""A share of `make families` and `make scan-models`: answers are those of `generate` alone."""

import copy

import pytest
import torch

from qwenq.worker.engines.transformers.budget import TokenBudget
from qwenq.worker.engines.transformers.dense.kernel import DenseKernel
from qwenq.worker.engines.transformers.dense.prepacked import prepack
from qwenq.worker.engines.transformers.packed.rows import PackedRows
from qwenq.worker.engines.transformers.way import prepare_packing
from tests.scan.comparing import Compared, compare, some_documents
from tests.scan.families import FAMILIES
from tests.scan.shrunken import POSITIONS, VOCABULARY, random_network, shrunken_network
from tests.unit.worker.engines.transformers.running import alone, drain

DOCUMENTS = 3
AGREEING = 0.65  # of random models' answers in bfloat16, where rounding decides much


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("qwen2_moe, sliding", "packed"),
        ("qwen3, YaRN", "packed"),
        ("qwen4_exp_text", "padded"),
    ],
)
def test_a_family_answers_as_each_document_alone(name: str, way: str) -> None:
    documents = some_documents(DOCUMENTS, VOCABULARY, POSITIONS)
    assert compare(random_network(FAMILIES[name]()), documents) == Compared(way, DOCUMENTS, DOCUMENTS)


@pytest.mark.parametrize(
    ("name", "way", "reason"),
    [
        ("deepseek_v32", "one by one", ""),
        ("moshi", "padded", ""),  # its cache forgets what its layers see
        ("bart", "refused", "it is the decoder of a model that needs an encoder"),
    ],
)
def test_an_architecture_is_shrunk_and_compared(name: str, way: str, reason: str) -> None:
    compared = compare(shrunken_network(name), some_documents(2, VOCABULARY, POSITIONS))
    assert (compared.way, compared.wrong) == (way, False)
    assert compared.reason.startswith(reason)


def test_the_pass_in_c_rounds_where_the_model_does() -> None:
    network = random_network(FAMILIES["qwen3"]()).to(torch.bfloat16)
    own, documents = copy.deepcopy(network), some_documents(24, VOCABULARY, POSITIONS)
    prepack(network)
    forward = prepare_packing(network)
    if not isinstance(forward, DenseKernel):
        pytest.skip("the pass in C needs AVX512-BF16")
    drain(PackedRows(network, forward, TokenBudget(8, 100_000)), documents)
    same = [row.generated == alone(own, row.prompt, row.params.max_new_tokens)[0] for row in documents]
    assert sum(same) >= AGREEING * len(documents)
