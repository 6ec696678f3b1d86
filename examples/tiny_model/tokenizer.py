"""The tiny model's tokenizer: byte-level BPE like Qwen's, with a small vocabulary.

It splits text like Qwen2 and Qwen3, each digit apart. Unlike theirs it does not normalise text to NFC, so decoding
returns the original text.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from examples.tiny_model import questions, wording
from examples.tiny_model.invoices import TRAINING_SEEDS, invoice

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
THINK, END_THINK = "<think>", "</think>"
LEARNED_TOKENS = 1_200
CHAT_TEMPLATE = Path(__file__).with_name("chat_template.jinja")


def build() -> PreTrainedTokenizerFast:
    """Learn the vocabulary from training invoices, and add Qwen3's control tokens and chat template."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=LEARNED_TOKENS,
        min_frequency=5,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    core.train_from_iterator(_corpus(), trainer)
    core.add_special_tokens([AddedToken(t, special=True) for t in (END_OF_TEXT, TURN_START, TURN_END)])
    core.add_tokens([AddedToken(t, special=False) for t in (THINK, END_THINK)])
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core,
        eos_token=TURN_END,
        pad_token=END_OF_TEXT,
        additional_special_tokens=[TURN_START, TURN_END],
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE.read_text(encoding="utf-8")
    return tokenizer


def _corpus() -> Iterator[str]:
    rng = Random("tokenizer")
    for seed in range(TRAINING_SEEDS, TRAINING_SEEDS + 4_000):
        made = invoice(seed)
        yield made.text
        for question in questions.varied(rng, made, 2):
            yield question.prompt.removeprefix(made.text)
            yield f"{THINK}\n{question.reasoning}\n{END_THINK}\n\n{question.expected}"
            # Answers start without a space, so the first word must be learned without one too.
            yield question.expected
        yield "user\n"
        yield "assistant\n"
        yield f"system\n{rng.choice(questions.SYSTEMS)}"
        yield " ".join(rng.choices(wording.NOTE_WORDS, k=5))
