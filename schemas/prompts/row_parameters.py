"""A request's own generation parameters: by which names it gives them, and what cannot be honoured."""

from collections.abc import Mapping
from typing import Any

from qwenq.schemas.errors import InvalidRow

PARAMETERS = {
    "max_tokens": "max_new_tokens",
    "max_completion_tokens": "max_new_tokens",  # the newer name wins over max_tokens
    "sampling": "sampling",
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
OF_RESPONSES = {
    **{name: own for name, own in PARAMETERS.items() if own != "max_new_tokens"},
    "max_output_tokens": "max_new_tokens",
}
"""The same of requests for responses."""
_WITHOUT_EFFECT = frozenset(
    {
        "messages", "model", "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention", "prediction", "parallel_tool_calls", "stream_options", "priority", "request_id",
        "cache_salt", "extra_headers", "extra_query", "timeout", "custom_llm_provider",
        # What LiteLLM and Azure's clients say about the way to a server.
        "api_key", "api_base", "base_url", "api_version", "deployment_id", "organization", "max_retries", "num_retries",
        "request_timeout", "drop_params", "additional_drop_params", "allowed_openai_params", "caching", "fallbacks",
        "litellm_metadata", "litellm_call_id", "user_security_context",
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
        "include_stop_str_in_output", "continue_final_message", "add_special_tokens", "thinking", "reasoning",
        "max_output_tokens", "max_new_tokens", "guided_whitespace_pattern", "ebnf", "data_sources", "stop_sequences",
        "random_seed",
    }
)  # fmt: skip
_OF_THINKING = frozenset({"reasoning_effort", "reasoning", "thinking"})
_AS_FORMAT = "write response_format with a JSON schema instead"
_AS_PATTERN = f"{_AS_FORMAT}, such as a string with a pattern"
_AS_SYSTEM = 'write a message with the role "system" instead'
_AS_THINKING = "write enable_thinking and thinking_budget instead"
_AS_LIMIT = "write max_tokens instead"
_ADVICE = {
    "n": "ask once for each answer that you want",
    "stream": "write false, or remove it",
    "reasoning_effort": 'write "none", or enable_thinking and thinking_budget instead',
    "reasoning": _AS_THINKING,
    "thinking": _AS_THINKING,
    "max_output_tokens": _AS_LIMIT,
    "max_new_tokens": _AS_LIMIT,
    "guided_json": _AS_FORMAT,
    "guided_choice": f"{_AS_FORMAT}, such as an enum",
    "structured_outputs": _AS_FORMAT,
    "guided_regex": _AS_PATTERN,
    "regex": _AS_PATTERN,
    "system": _AS_SYSTEM,
    "instructions": _AS_SYSTEM,
    "documents": "write their texts into a message",
    "stop_sequences": "write stop instead",
    "random_seed": "write seed instead",
    "stop_token_ids": "write their texts as stop",
    "do_sample": 'write "temperature": 0 for false, and a temperature for true',
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


def own_parameters(
    fields: Mapping[str, Any], shown: str, known: Mapping[str, str] = PARAMETERS
) -> tuple[dict[str, Any], dict[str, str]]:
    """The generation parameters in a request's fields, and the name that each has there.

    `shown` stands before a field's name in messages; `known` maps names to those of GenerationParams. Raises InvalidRow
    for a field that cannot be honoured.
    """
    parameters: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name, value in fields.items():
        if value is None or name in _WITHOUT_EFFECT:
            continue
        if name in _OF_THINKING and (said := _of_thinking(name, value)) is not None:
            parameters = said | parameters
            names = dict.fromkeys(said, name) | names
        elif name in known:
            own = known[name]
            if name != "max_tokens" or fields.get("max_completion_tokens") is None:
                parameters[own], names[own] = _translated(name, value), name
        elif not _asks_for_nothing(name, value, fields):
            advice = _ADVICE.get(name, "remove it")
            raise InvalidRow(reason=f"{shown}{name[:40]} is not supported; {advice}")
    return parameters, names


def _of_thinking(name: str, value: Any) -> dict[str, Any] | None:
    """What OpenAI's, OpenRouter's and Anthropic's ways to say it mean for thinking; None for what is not sure."""
    match name, value:
        case (
            ("reasoning_effort", "none")
            | ("reasoning", {"effort": "none"})
            | ("reasoning", {"enabled": False})
        ):
            return {"thinking": False}
        case "thinking", {"type": "disabled"}:
            return {"thinking": False}
        case "thinking", {"type": "enabled", **more} if more.keys() <= {"budget_tokens"}:
            budget = more.get("budget_tokens")
            return {"thinking": True} | ({} if budget is None else {"thinking_budget": budget})
    return None


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
