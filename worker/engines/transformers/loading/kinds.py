"""What kind of model a configuration is of, and which model to take for text. Imports no torch."""

import re
from collections.abc import Mapping
from typing import Any

CHAT_MODEL = "take a chat model, such as Qwen/Qwen3-8B"
_TALKER = "take the text model that it is built on, or another chat model, such as Qwen/Qwen3-8B"
EMBEDDING = f"it is an embedding model, which turns a text into numbers: {CHAT_MODEL}"
RERANKER = f"it is a reranker, which gives a score to a pair of texts: {CHAT_MODEL}"
NO_TEMPLATE = (
    "its tokenizer has no chat template: it is a base model; take the model's chat or instruct version"
)

TEXT_PARTS = {
    "qwen2_vl": "qwen2",
    "qwen2_5_vl": "qwen2",
    "qwen3_vl": "qwen3",
    "qwen3_vl_moe": "qwen3_moe",
    "qwen2_5_omni": "qwen2",
    "qwen2_5_omni_thinker": "qwen2",
    "qwen3_omni_moe": "qwen3_moe",
    "qwen3_omni_moe_thinker": "qwen3_moe",
}
"""Models whose text part is a model of another type, which answers text exactly as the whole model does."""

_HEADS = {
    "ForSequenceClassification": "it is a classifier or a reranker, which gives scores instead of a text",
    "ForTokenClassification": "it is a model that labels the words of a text",
    "ForQuestionAnswering": "it is a model that marks the answer in a text",
    "ForMaskedLM": "it is a model that fills gaps in a text",
    "ForSpeechSeq2Seq": "it is a model for speech recognition",
    "ForCTC": "it is a model for speech recognition",
}
_TYPES = {
    "qwen2_audio": f"it is a model for sound and speech: {_TALKER}",
    "qwen3_asr": f"it is a model for speech recognition: {CHAT_MODEL}",
    "whisper": f"it is a model for speech recognition: {CHAT_MODEL}",
    "clip": f"it is a model that compares pictures and texts: {CHAT_MODEL}",
    "vit": f"it is a model for pictures: {CHAT_MODEL}",
    **dict.fromkeys(
        ("moshi", "moss_transcribe_diarize"), f"it is a model for sound and speech: {CHAT_MODEL}"
    ),
    **dict.fromkeys(("musicgen", "musicgen_melody"), f"it is a model that makes music: {CHAT_MODEL}"),
    **dict.fromkeys(
        ("trocr", "got_ocr2", "git"), f"it is a model that reads or describes pictures: {CHAT_MODEL}"
    ),
}
"""Kinds that give no answer to a text, though Transformers loads some of them as causal language models."""
_NAMED_EMBEDDING = re.compile(r"(^|[-_.])embed(ding)?s?([-_.]|$)", re.IGNORECASE)
_NAMED_RERANKER = re.compile(r"(^|[-_.])rerank(er)?([-_.]|$)", re.IGNORECASE)


def reason_against(model: str, config: Mapping[str, Any]) -> str | None:
    """Why a model gives no text as it should, and which to take; None if nothing in its configuration says so."""
    if own := _TYPES.get(str(config.get("model_type"))):
        return own
    named = config.get("architectures")
    names = [str(name) for name in named] if isinstance(named, list) else []
    name = model.rstrip("/").rpartition("/")[2].partition("@")[0]
    if _NAMED_RERANKER.search(name):
        return RERANKER
    if _NAMED_EMBEDDING.search(name):
        return EMBEDDING
    for architecture in names:
        for head, said in _HEADS.items():
            if architecture.endswith(head):
                return f"{said} ({architecture}): {CHAT_MODEL}"
    if names and all(one.endswith("Model") and not one.endswith("HeadModel") for one in names):
        return (
            f"its config.json names {names[0]}, which has no head for text, as embedding models: {CHAT_MODEL}"
        )
    return None


def unknown_kind(config: Mapping[str, Any]) -> str:
    """What a configuration that Transformers cannot load as a causal language model is of, as far as it shows."""
    kind = str(config.get("model_type") or "unknown")
    senses = [
        sense
        for part, sense in (("vision_config", "pictures"), ("audio_config", "sound"))
        if isinstance(config.get(part), Mapping)
    ]
    if senses:
        return (
            f"it is a model for {' and '.join(senses)} ({kind}), whose text part qwenq cannot load: {_TALKER}"
        )
    return (
        f"it is not a model that generates text ({kind}), or this version of Transformers does not know it: "
        f"{CHAT_MODEL}"
    )
