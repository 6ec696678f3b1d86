"""Where the sampling parameters that nobody gives come from, and what a person should know about it."""

from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.generation import GenerationParams, Sampling
from qwenq.schemas.requests import ModelInfo
from qwenq.schemas.sampling.cards import Advice, card_of


def settled(params: GenerationParams, model: ModelInfo) -> GenerationParams:
    """The parameters with every open one filled, as `sampling` says. Raises InvalidParameter."""
    match params.sampling:
        case Sampling.MODEL:
            if model.not_applied:
                names = ", ".join(model.not_applied)
                reason = (
                    f"the model's generation_config.json sets {names}, which cannot be applied: take greedy"
                )
                raise InvalidParameter(name="sampling", reason=reason)
            return params.filled(model.generation)
        case Sampling.CARD:
            return params.filled(advice_of(model.model, thinking=params.thinking))
    return params


def advice_of(model: str, *, thinking: bool) -> Advice:
    """What the card of a model advises. Raises InvalidParameter: no card is known."""
    card = card_of(model)
    if card is None:
        reason = f"no card is known for {model}; take model or greedy, or give --temperature and the others yourself"
        raise InvalidParameter(name="sampling", reason=reason)
    return card.advice(thinking=thinking)


def in_words(params: GenerationParams, model: str) -> str:
    """How a job samples: `greedy`, or where its parameters come from, with those that are known."""
    known = params
    if params.sampling is Sampling.CARD and card_of(model) is not None:
        known = params.filled(advice_of(model, thinking=params.thinking))
    names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty")
    given = ", ".join(
        f"{name} {value:g}"
        for name in names
        if (value := getattr(known, name)) is not None and (value or name == "temperature")
    )
    if params.sampling is Sampling.MODEL:
        said = "as the model's generation_config.json says"
    elif params.sampling is Sampling.CARD:
        said = "as the model's card advises"
    else:
        said = "sampled" if params.temperature else "greedy"
    return f"{said} ({given})" if given else said


def warning(params: GenerationParams, model: str) -> str | None:
    """A warning where the card of the model advises against these parameters."""
    card = card_of(model)
    if card is None or params.sampling is not Sampling.GREEDY or params.temperature:
        return None
    if not card.advises_against_greedy(thinking=params.thinking):
        return None
    return (
        "the card of this model advises to sample while it thinks: greedy decoding may repeat itself without end; "
        "--sampling card takes what the card advises"
    )
