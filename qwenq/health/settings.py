"""`qwenq check`: try every setting, and say what is wrong and how to mend it."""

import os
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from qwenq.access.users import Users
from qwenq.schemas.errors import QwenqError
from qwenq.schemas.machine.settings_file import SETTINGS_FILE
from qwenq.schemas.settings import ENV_PREFIX, Settings, check_home, home_is_open, salvage_settings
from qwenq.store.broker.broker import Broker, socket_path
from qwenq.store.broker.server_versions import ServerVersion
from qwenq.store.database.store import Store, make_home
from qwenq.store.database.version import check_version, found_version
from qwenq.worker.engines.factory import engine_kind
from qwenq.worker.engines.kind import ModelSource


class Verdict(StrEnum):
    """Whether a setting is good, worth a note, or wrong."""

    GOOD = "good"
    NOTE = "note"
    WRONG = "wrong"


class Finding(BaseModel):
    """The result of trying one thing. `exit_code` is that of its error, or 0."""

    model_config = ConfigDict(frozen=True)

    subject: str
    verdict: Verdict
    message: str
    exit_code: int = 0


def check_settings() -> Iterator[Finding]:
    """Try the settings one after the other. A setting that cannot be read is replaced by its default for the rest."""
    settings, unreadable = salvage_settings()
    for error in unreadable:
        yield Finding(
            subject="settings", verdict=Verdict.WRONG, message=str(error), exit_code=error.exit_code
        )
    if Path(SETTINGS_FILE).is_file() and SETTINGS_FILE not in {error.name for error in unreadable}:
        yield Finding(subject="settings", verdict=Verdict.GOOD, message=f"settings of ./{SETTINGS_FILE}")
    for subject, attempt in _ATTEMPTS.items():
        try:
            yield Finding(subject=subject, verdict=Verdict.GOOD, message=attempt(settings))
        except _Note as note:
            yield Finding(subject=subject, verdict=Verdict.NOTE, message=str(note))
        except QwenqError as error:
            yield Finding(
                subject=subject, verdict=Verdict.WRONG, message=str(error), exit_code=error.exit_code
            )
        except (OSError, ValueError) as error:
            yield Finding(subject=subject, verdict=Verdict.WRONG, message=str(error), exit_code=2)


class _Note(Exception):
    """Nothing is wrong, but the person should know this."""


def _environment(_: Settings) -> str:
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    strange = sorted(name for name in os.environ if name.startswith(ENV_PREFIX) and name not in known)
    if strange:
        raise _Note(f"{', '.join(strange)}: no setting has this name; a command's option may have it")
    return "every QWENQ_ variable is a setting"


def _home(settings: Settings) -> str:
    check_home(settings)
    make_home(settings.home)
    if not os.access(settings.home, os.W_OK):
        raise PermissionError(f"{settings.home} cannot be written; choose another QWENQ_HOME")
    if home_is_open(settings):
        raise _Note(
            f"others can enter {settings.home.absolute()}, which holds documents; `chmod 700 {settings.home}` "
            "keeps them out"
        )
    return f"{settings.home.absolute()} can be written"


def _store(settings: Settings) -> str:
    check_home(settings)
    with Store.of(settings) as store:
        with store.reading() as connection:
            found = found_version(connection)
        if found is None and settings.database_url is None:
            raise _Note(f"{store.url} is made on first use")
        check_version(store)
    return f"{store.url} answers and has version {found}"


def _broker(settings: Settings) -> str:
    check_home(settings)
    if settings.broker_url is None and not Path(socket_path(settings)).exists():
        raise _Note("the embedded Redis is not running; `qwenq up` starts it, `qwenq run` starts its own")
    with Broker(settings) as broker:
        broker.ping()
        with broker.client() as client:
            version = ServerVersion.of_info(client.info("server"))
    if version is not None and not version.is_fixed:
        raise _Note(f"{broker.url} answers; {version.advice}")
    return f"{broker.url} answers"


def _model(settings: Settings) -> str:
    if settings.model is None:
        raise _Note("no model is set; give --model to each command, or set QWENQ_MODEL")
    kind = engine_kind(settings.model)
    source = kind.find_model(settings.model)
    if source is ModelSource.BUILT_IN:
        return "echo: answers with the document itself, to try the pipeline"
    if source is ModelSource.HUB:
        kind.check_available(settings.model)
        return f"{settings.model} is in this machine's cache, or on the hub"
    return f"{settings.model} holds a configuration, a tokenizer and weights"


def _device(settings: Settings) -> str:
    device = f"{settings.device}, dtype {settings.dtype}"
    if reason := engine_kind(settings.model).try_device(settings):
        raise _Note(f"{device}: {reason}")
    return f"{device}: the engine starts, and can use it"


def _quantize(settings: Settings) -> str:
    engine_kind(settings.model).check_quantize(settings.model, settings)
    if settings.quantize == "none":
        return "the weights are loaded as they are"
    return f"{settings.quantize}: bitsandbytes is installed"


def _flower(settings: Settings) -> str:
    if not Users.of(settings):
        raise _Note(
            "QWENQ_FLOWER_AUTH is not set: Flower listens on loopback only, and opens with the token in its address"
        )
    return "Flower asks for a user and password of QWENQ_FLOWER_AUTH or QWENQ_FLOWER_VIEWERS"


_ATTEMPTS: dict[str, Callable[[Settings], str]] = {
    "environment": _environment,
    "home": _home,
    "store": _store,
    "broker": _broker,
    "model": _model,
    "device": _device,
    "quantize": _quantize,
    "flower": _flower,
}
