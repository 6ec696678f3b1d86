"""What a checkpoint's generation_config.json says about sampling, as Transformers' `generate` applies it."""

from collections.abc import Mapping

from transformers import GenerationConfig

_NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "num_beams": (1,),
    "typical_p": (1, 1.0),
    "epsilon_cutoff": (0,),
    "eta_cutoff": (0,),
    "top_h": (),
    "penalty_alpha": (),
    "no_repeat_ngram_size": (0,),
    "encoder_no_repeat_ngram_size": (0,),
    "encoder_repetition_penalty": (1,),
    "bad_words_ids": (),
    "min_length": (0,),
    "min_new_tokens": (0,),
    "forced_bos_token_id": (),
    "forced_eos_token_id": (),
    "suppress_tokens": ([],),
    "begin_suppress_tokens": ([],),
    "sequence_bias": (),
    "exponential_decay_length_penalty": (),
    "guidance_scale": (1,),
}
"""Fields that change answers and that the engine does not have, with the values that change nothing."""
TOP_K = 50  # what `generate` takes where the file names none


def sampling_of(config: GenerationConfig | None) -> dict[str, float]:
    """The parameters of a plain `generate`, by the names of GenerationParams. Temperature 0: it does not sample."""

    def named(name: str, default: float) -> float:
        value = getattr(config, name, None)
        return default if value is None else float(value)

    return {
        "temperature": named("temperature", 1.0) if getattr(config, "do_sample", False) else 0.0,
        "top_p": named("top_p", 1.0),
        "top_k": int(named("top_k", TOP_K)),
        "min_p": named("min_p", 0.0),
        "repetition_penalty": named("repetition_penalty", 1.0),
    }


def not_applied(config: GenerationConfig | None) -> tuple[str, ...]:
    """The fields that change what `generate` answers, and that the engine cannot apply."""
    found = ((name, getattr(config, name, None), neutral) for name, neutral in _NEUTRAL.items())
    return tuple(name for name, value, neutral in found if value is not None and value not in neutral)
