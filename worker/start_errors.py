"""What keeps an engine from starting, in one line: an installation that is broken, or too little memory."""

LONGEST = 400
_NO_MEMORY = (
    "memoryerror", "cannot allocate memory", "failed to map segment", "can't start new thread", "bad_alloc",
    "pthread_create failed", "not enough memory",
)  # fmt: skip
_MORE_MEMORY = (
    "The process may not take the memory or the threads that it needs: raise its limits (`ulimit -v`, `ulimit -u`, "
    "those of its container), or free memory"
)
_REINSTALL = (
    "The installation is broken: install its packages again, as in `pip install --force-reinstall qwenq`"
)

_OF_STACKS = ("Thread 0x", "Current thread", "Stack (", "Extension modules", "<", "File ", "Traceback (")
_SHOWN_LINES = 3


def start_reason(error: BaseException) -> str:
    """Say what an unforeseen error says, the error that caused it, and what helps."""
    links = list(_chain(error))
    said = ", since ".join(_short(_words(link)) for link in links)
    if _tells_of_memory(said) or isinstance(error, MemoryError):
        return f"{said}. {_MORE_MEMORY}"
    if any(isinstance(link, ImportError) for link in links):
        return f"{said}. {_REINSTALL}"
    return said


def with_advice(words: str) -> str:
    """The last words of a process that died, and what helps if they show that it got no memory."""
    return f"{words}. {_MORE_MEMORY}" if _tells_of_memory(words) else words


def _tells_of_memory(said: str) -> bool:
    return any(part in said.lower() for part in _NO_MEMORY)


def _chain(error: BaseException) -> tuple[BaseException, ...]:
    """The error, and the first error in the row of those that caused it."""
    first = error
    seen = {id(error)}
    while first.__cause__ is not None and id(first.__cause__) not in seen:
        first = first.__cause__
        seen.add(id(first))
    return (error,) if first is error else (error, first)


def _words(error: BaseException) -> str:
    said = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _short(words: str) -> str:
    """The beginning and the end: numpy's error is a page, and what happened stands last."""
    half = LONGEST // 2
    return words if len(words) <= LONGEST else f"{words[:half]} … {words[-half:]}"


def last_words(said: str) -> str:
    """The last lines of standard error that say something, without stacks, in one line."""
    lines = [line.strip() for line in said.splitlines()]
    telling = [line for line in lines if line and not line.startswith(_OF_STACKS)]
    return "; ".join(telling[-_SHOWN_LINES:]).rstrip(".")[-LONGEST:]
