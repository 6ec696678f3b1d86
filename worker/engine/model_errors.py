"""Why a model cannot be loaded, in plain words."""

from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

LONGEST_REASON = 300

NOT_REACHED = "the hub cannot be reached, and the model is not in this machine's cache"


def reason_of(error: BaseException) -> str:
    """Say in one line what went wrong, from the first error in the chain that tells."""
    for link in _chain(error):
        if isinstance(link, GatedRepoError):
            return "it is gated: accept its terms on the hub, then log in with `hf auth login`"
        if isinstance(link, RepositoryNotFoundError):
            return "there is neither a folder nor a public hub model of this name"
        if isinstance(link, (LocalEntryNotFoundError, OfflineModeIsEnabled, ConnectionError)):
            return NOT_REACHED
    return _plain(str(error)) or type(error).__name__


def _plain(message: str) -> str:
    if "trust_remote_code" in message:
        return "it brings Python code of its own, which qwenq does not run"
    if "Unrecognized configuration class" in message or "Unrecognized model" in message:
        return "it is not a model that generates text, or this version of Transformers does not know it"
    if "no file named" in message:
        return "there are no weights (model.safetensors)"
    if "tokenizer" in message.lower() and ("Can't load" in message or "instantiate" in message):
        return "there is no tokenizer (tokenizer.json)"
    if "couldn't connect" in message:
        return NOT_REACHED
    return message.strip().partition("\n")[0].rstrip(".")[:LONGEST_REASON]


def _chain(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    while error is not None and error not in links:
        links.append(error)
        error = error.__cause__ or error.__context__
    return links
