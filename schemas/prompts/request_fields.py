"""The fields of a chat request: which are parameters of ours, which ask for nothing, and which cannot be honoured."""

from collections.abc import Mapping
from typing import Any

from qwenq.schemas.errors import InvalidRow

PARAMETERS = {
    "max_tokens": "max_new_tokens",
    "max_completion_tokens": "max_new_tokens",  # the newer name wins over max_tokens
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "repetition_penalty": "repetition_penalty",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "stop": "stop",
    "seed": "seed",
    "enable_thinking": "thinking",
    "thinking_budget": "thinking_budget",
    "response_format": "response_format",
}
"""The names of servers, and those of GenerationParams."""
_WITHOUT_EFFECT = frozenset(
    {
        "messages", "model", "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention", "prediction", "parallel_tool_calls", "stream_options", "priority", "request_id",
        "cache_salt", "extra_headers", "extra_query", "timeout", "custom_llm_provider",
    }
)  # fmt: skip
"""These do not change the answer. The job's model answers, whatever model the line names."""
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "num_beams": (1,),
    "length_penalty": (1, 0),
    "early_stopping": (False, True),
    "typical_p": (1,),
    "modalities": (["text"], []),
    "verbosity": ("medium",),
    "skip_special_tokens": (True,),
    "spaces_between_special_tokens": (True,),
    "add_generation_prompt": (True,),
    "detokenize": (True,),
    "include_reasoning": (True,),
    "separate_reasoning": (True,),
    "web_search_options": (),
    "prompt_logprobs": (),
    "do_sample": (),
    "echo": (False,),
}
"""What asks for nothing, also where it is not null. Any other field must be null, false, 0 or empty."""
_KNOWN = frozenset(
    {
        "tools", "tool_choice", "functions", "function_call", "stream", "logprobs", "top_logprobs", "logit_bias",
        "audio", "reasoning_effort", "chat_template", "chat_template_kwargs", "extra_body", "min_tokens",
        "stop_token_ids", "ignore_eos", "bad_words", "allowed_token_ids", "guided_json", "guided_regex",
        "guided_choice", "guided_grammar", "structured_outputs", "use_beam_search", "truncate_prompt_tokens",
        "include_stop_str_in_output", "continue_final_message", "add_special_tokens",
    }
)  # fmt: skip
_ADVICE = {
    "n": "write the line as often as you want answers",
    "stream": "write false, or remove it",
    "reasoning_effort": 'write "none", or enable_thinking and thinking_budget instead',
    "tools": 'remove them, or write "tool_choice": "none"',
    "functions": 'remove them, or write "function_call": "none"',
}


def is_parameter(name: str) -> bool:
    """Whether a field is a known parameter of chat requests, supported or not."""
    return name in PARAMETERS or name in _NEUTRAL or name in _KNOWN


def laid_over(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a request with those of its `extra_body`, which win, and of its `chat_template_kwargs`."""
    fields = request
    for name in ("extra_body", "chat_template_kwargs"):
        more = fields.get(name)
        if isinstance(more, dict):
            fields = {own: value for own, value in fields.items() if own != name} | more
    return fields


def own_parameters(fields: Mapping[str, Any], shown: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The generation parameters in a request's fields, and the name that each has there.

    `shown` stands before a field's name in messages. Raises InvalidRow for a field that cannot be honoured.
    """
    parameters: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name, value in fields.items():
        if value is None or name in _WITHOUT_EFFECT:
            continue
        if name == "reasoning_effort" and value == "none":
            parameters.setdefault("thinking", False)
            names.setdefault("thinking", name)
        elif name in PARAMETERS:
            own = PARAMETERS[name]
            if name != "max_tokens" or fields.get("max_completion_tokens") is None:
                parameters[own], names[own] = _translated(name, value), name
        elif not _asks_for_nothing(name, value, fields):
            advice = _ADVICE.get(name, "remove it")
            raise InvalidRow(reason=f"{shown}{name[:40]} is not supported; {advice}")
    return parameters, names


def _translated(name: str, value: Any) -> Any:
    """Every token is kept with a `top_k` of -1 on other servers, and of 0 here."""
    return 0 if name == "top_k" and type(value) is int and value == -1 else value


def _asks_for_nothing(name: str, value: Any, fields: Mapping[str, Any]) -> bool:
    """Whether a field has its neutral value; of an unknown one that is false, 0 or empty."""
    match name:
        case "tool_choice" | "function_call":
            called = "tools" if name == "tool_choice" else "functions"
            return value == "none" or (value == "auto" and not fields.get(called))
        case "tools":
            return not value or fields.get("tool_choice") == "none"
        case "functions":
            return not value or fields.get("function_call") == "none"
    if name in _NEUTRAL:
        return any(
            value == one and isinstance(value, bool) == isinstance(one, bool) for one in _NEUTRAL[name]
        )
    return not value
