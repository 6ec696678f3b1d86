"""The settings: the environment (`QWENQ_*`), then `qwenq.toml`, then these defaults."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.log.lines import LogFormat

ENV_PREFIX = "QWENQ_"
SETTINGS_FILE = "qwenq.toml"
Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Quantize = Literal["none", "8bit", "4bit"]
_USERS_PASSWORD = re.compile(r"(?<=://)([^/?#\s]*?:)[^/?#\s]*(?=@)")
_PASSWORD_OF_QUERY = re.compile(r"(?i)([?&;](?:ssl)?password=)[^&;#\s]*")


class Settings(BaseSettings):
    """Where things are and how long they may take. Seconds and tokens, unless a name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, toml_file=SETTINGS_FILE, extra="forbid", frozen=True
    )

    home: Annotated[Path, Field(description="folder of the embedded store, broker and logs")] = Path(".qwenq")
    database_url: Annotated[
        str | None, Field(description="SQL store (default: SQLite in the home folder)")
    ] = None
    broker_url: Annotated[
        str | None,
        Field(description="Redis broker (default: the embedded Redis of the home folder)"),
    ] = None
    model: Annotated[str | None, Field(description="hub id or folder of the model")] = None
    device: Annotated[str, Field(description="auto, cpu, cuda, cuda:1, mps, xpu")] = "auto"
    dtype: Annotated[Dtype, Field(description="auto, float32, bfloat16, float16")] = "auto"
    quantize: Annotated[
        Quantize, Field(description="none, 8bit or 4bit: put the weights into fewer bits as they are loaded")
    ] = "none"
    context: Annotated[
        int | None,
        Field(
            ge=1,
            description="longest prompt with its answer, in tokens (default: what the model was made for)",
        ),
    ] = None
    batch_rows: Annotated[
        int | None, Field(ge=1, description="most documents generated at once (default: 256, on a CPU 32)")
    ] = None
    batch_tokens: Annotated[
        int | None,
        Field(ge=1, description="most prompt and answer tokens at once (default: what free memory holds)"),
    ] = None
    cuda_graphs: Annotated[
        bool,
        Field(description="replay decode steps as CUDA graphs, where a trial at start shows that it works"),
    ] = True
    chunk_documents: Annotated[
        int, Field(ge=1, description="most documents that one Celery message stands for")
    ] = 500
    chunk_tokens: Annotated[int, Field(ge=1, description="most estimated prompt tokens in one chunk")] = (
        200_000
    )
    lease_seconds: Annotated[
        float,
        Field(
            ge=2,
            description="how long a claim holds without progress reported, and a job that is being stored without "
            "a sign of life of its submit; below 10 is for tests",
        ),
    ] = 60.0
    stall_seconds: Annotated[
        float,
        Field(ge=1, description="how long generation may make no step before it counts as hung"),
    ] = 120.0
    stop_seconds: Annotated[
        float, Field(ge=1, description="how long a stopping worker may take to give its chunk back")
    ] = 60.0
    patience_seconds: Annotated[
        float,
        Field(
            ge=1,
            description="how long a worker waits for a store that is away or full before it stops; for `qwenq run` at "
            "most 60",
        ),
    ] = 900.0
    max_crashes: Annotated[
        int,
        Field(
            ge=1, description="how many times a chunk, alone, may take its worker down before it is halved"
        ),
    ] = 2
    flower_auth: Annotated[
        SecretStr | None, Field(description="user:password that guards Flower's pages")
    ] = None
    webhook_secret: Annotated[
        SecretStr | None,
        Field(description="what signs notices to webhooks: whsec_ and base64, or any text"),
    ] = None
    show_text: Annotated[
        bool, Field(description="whether Flower's pages and reports show documents and answers")
    ] = True
    log_level: Annotated[str, Field(description="debug, info, warning or error")] = "info"
    log_format: Annotated[LogFormat, Field(description="text or json: how services write their log")] = "text"
    submitter: Annotated[
        str | None, Field(description="who submits, as jobs tell it (default: the user and the host)")
    ] = None

    @field_validator("flower_auth")
    @classmethod
    def _user_and_password(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        if not all(value.get_secret_value().partition(":")[::2]):
            raise ValueError("it must read user:password")
        if not value.get_secret_value().isascii():
            raise ValueError("it must be ASCII, for browsers send other letters in different ways")
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in {"debug", "info", "warning", "error"}:
            raise ValueError("it must be debug, info, warning or error")
        return value.lower()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the file below the environment; no .env, no secrets folder."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings, `overrides` (None means: not given) above all. Raises InvalidSetting."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise _told(error)[0] from None


def salvage_settings() -> tuple[Settings, list[InvalidSetting]]:
    """Read the settings, each that cannot be read at its default; and say what is wrong with those."""
    wrong: list[InvalidSetting] = []
    given: dict[str, Any] = {}
    kind: type[Settings] = Settings
    while True:
        try:
            return kind(**given), wrong
        except tomllib.TOMLDecodeError as error:
            wrong += _told(error)
            kind = _WithoutFile
        except ValidationError as error:
            wrong += _told(error)
            kind = _WithStrangers if kind is Settings else kind
            names = {str(found["loc"][0]) for found in error.errors()} & set(Settings.model_fields)
            given |= {name: Settings.model_fields[name].default for name in names}


class _WithStrangers(Settings):
    """The settings, whatever else the file holds."""

    model_config = SettingsConfigDict(extra="ignore")


class _WithoutFile(Settings):
    """The settings of the environment alone."""

    model_config = SettingsConfigDict(toml_file=None)


def _told(error: tomllib.TOMLDecodeError | ValidationError) -> list[InvalidSetting]:
    """Name each setting as in the environment, and say what is wrong with it."""
    if isinstance(error, tomllib.TOMLDecodeError):
        return [InvalidSetting(name=SETTINGS_FILE, reason=f"it is no TOML: {error}")]
    wrong: list[InvalidSetting] = []
    for found in error.errors():
        name = "_".join(str(part) for part in found["loc"])
        if found["type"] == "extra_forbidden":
            wrong.append(InvalidSetting(name=SETTINGS_FILE, reason=f"there is no setting {name!r}"))
        else:
            reason = found["msg"].removeprefix("Value error, ")
            wrong.append(InvalidSetting(name=ENV_PREFIX + name.upper(), reason=reason))
    return wrong


def without_passwords(url: str) -> str:
    """A URL as it may be shown: the user's password and the query's masked."""
    return _PASSWORD_OF_QUERY.sub(r"\1***", _USERS_PASSWORD.sub(r"\1***", url))


@cache
def settings_of_process() -> Settings:
    """The settings of a worker process and its children, read once."""
    return load_settings()
