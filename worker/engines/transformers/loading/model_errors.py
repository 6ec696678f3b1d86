"""Turns loading errors into reasons that people understand."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from qwenq.schemas.machine.installation import with_extra
from qwenq.worker.engines.transformers.loading.files import NO_TOKENIZER, NO_WEIGHTS
from qwenq.worker.engines.transformers.loading.source import (
    NO_REVISION,
    NOT_ON_HUB,
    NOT_REACHED,
    OFFLINE,
)

LONGEST_REASON = 300
LONGEST_WORDS = 100
"""Of a library's words within a reason."""

OTHER_MODEL = "it is not a model that generates text, or this version of Transformers does not know it"
REASONS = (
    (("trust_remote_code",), "it brings Python code of its own, which qwenq does not run"),
    (("`kernels`",), "it wants kernels from the hub, which are code, and qwenq runs none"),
    (("unrecognized configuration class",), OTHER_MODEL),
    (("unrecognized model",), OTHER_MODEL),
    (("no file named",), NO_WEIGHTS),
    (("tokenizer", "can't load"), NO_TOKENIZER),
    (("tokenizer", "instantiate"), NO_TOKENIZER),
    (("couldn't connect",), NOT_REACHED),
    (("mismatched_sizes",), "its weights are not of the sizes that its config.json says"),
    (
        ("bitsandbytes", "requires"),
        (
            "its weights are quantized by the package bitsandbytes, which is not here: "
            f"pip install '{with_extra('quantize')}'"
        ),
    ),
)
"""Words in a library's message, in lower case, and the reason that they mean."""
NO_MODULE = re.compile(r"No module named '([^'.]+)")


def reason_of(error: BaseException) -> str:
    """Say in one line what went wrong: the first known error in the chain decides."""
    for link in _chain(error):
        if isinstance(link, GatedRepoError):
            return "it is gated: accept its terms on the hub, then log in with `hf auth login`"
        if isinstance(link, RevisionNotFoundError):
            return f"the hub has no such revision of it: {NO_REVISION}"
        if isinstance(link, RepositoryNotFoundError):
            return NOT_ON_HUB
        if isinstance(link, (LocalEntryNotFoundError, OfflineModeIsEnabled, ConnectionError)):
            return OFFLINE if constants.HF_HUB_OFFLINE else NOT_REACHED
    return _plain(str(error)) or type(error).__name__


def unknown_value(config: Mapping[str, Any], value: object) -> str:
    """Say which key of a configuration has a value that Transformers does not know, such as an activation."""
    keys = [key for key, found in _leaves(config) if found == value]
    named = f"{' and '.join(keys)} is {value!r}" if keys else f"something is {value!r}"
    return f"in its config.json {named}, which this version of Transformers does not know"


def _leaves(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _plain(message: str) -> str:
    for words, reason in REASONS:
        if all(word in message.lower() for word in words):
            return reason
    if missing := NO_MODULE.match(message):
        return f"it needs the package {missing[1]}, which is not installed"
    return message.strip().partition("\n")[0].rstrip(".")[:LONGEST_REASON]


def _chain(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    while error is not None and error not in links:
        links.append(error)
        error = error.__cause__ or error.__context__
    return links
