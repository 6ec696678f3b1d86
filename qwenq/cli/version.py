"""`qwenq --version`: what a report of a bug needs. It changes and makes nothing."""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from qwenq import __version__
from qwenq.schemas.errors import NoStoreHere, QwenqError
from qwenq.schemas.settings import Settings

_LIBRARIES = ("torch", "transformers", "celery", "redis", "sqlalchemy")


def version_facts() -> Iterator[tuple[str, str]]:
    """Names and values, `qwenq` with its version first. Raises nothing."""
    yield "qwenq", __version__
    yield "python", f"{platform.python_version()} {platform.python_implementation()}, {platform.platform()}"
    yield "libraries", ", ".join(f"{name} {_version_of(name)}" for name in _LIBRARIES)
    yield "devices", _devices()
    yield from _settings_facts()


def _version_of(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "is missing"


def _devices() -> str:
    """The NVIDIA devices and their driver, asked without PyTorch, whose import takes seconds."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return f"{platform.machine()} CPU; no NVIDIA driver"
    try:
        names = [
            pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(index))
            for index in range(pynvml.nvmlDeviceGetCount())
        ]
        return (
            f"{', '.join(names) or 'no NVIDIA device'}; NVIDIA driver {pynvml.nvmlSystemGetDriverVersion()}"
        )
    except pynvml.NVMLError as error:
        return f"the NVIDIA driver answers: {error}"
    finally:
        pynvml.nvmlShutdown()


def _settings_facts() -> Iterator[tuple[str, str]]:
    from qwenq.schemas.machine.settings_file import SETTINGS_FILE
    from qwenq.schemas.settings import load_settings

    try:
        settings = load_settings()
    except QwenqError as error:
        yield "settings", str(error)
        return
    if Path(SETTINGS_FILE).is_file():
        yield "settings", f"./{SETTINGS_FILE}"
    yield "model", settings.model or "none is set"
    yield "store", _store(settings)
    yield "broker", _broker(settings)


def _store(settings: Settings) -> str:
    from qwenq.schemas.tables.core import SCHEMA_VERSION
    from qwenq.store.database.opening import open_made_store
    from qwenq.store.database.store import shown_address

    try:
        with open_made_store(settings):
            return f"{shown_address(settings)}, version {SCHEMA_VERSION}"
    except NoStoreHere:
        return f"{shown_address(settings)} does not exist yet"
    except QwenqError as error:
        return str(error)


def _broker(settings: Settings) -> str:
    from qwenq.embedded.redis import find_server
    from qwenq.schemas.log.addresses import without_passwords
    from qwenq.store.broker.server_versions import ServerVersion

    if settings.broker_url is not None:
        return without_passwords(settings.broker_url)
    try:
        server = find_server()
    except QwenqError as error:
        return str(error)
    found = ServerVersion.of_executable(server)
    known = f"{found.name} {'.'.join(map(str, (*found.line, found.patch)))}" if found else "unknown version"
    return f"the embedded Redis, {known}: {server}"
