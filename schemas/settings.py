"""The settings: from the environment (`QWENQ_*`), else secret files, else `qwenq.toml`, else these defaults."""

import os
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from qwenq.schemas.errors import InvalidSetting, UntrustedSettingsFile
from qwenq.schemas.log.lines import LogFormat
from qwenq.schemas.machine.home import is_open, require_own
from qwenq.schemas.machine.setting_errors import errors_in
from qwenq.schemas.machine.settings_file import SETTINGS_FILE, SettingsFileSource
from qwenq.schemas.secret_files import SecretFiles, fault_in_secrets

ENV_PREFIX = "QWENQ_"
Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Quantize = Literal["none", "8bit", "4bit"]
Names = Annotated[tuple[str, ...], NoDecode]
"""Names separated by commas; in the file also a list."""


class Settings(BaseSettings):
    """Where things are and how long they may take. Times are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, toml_file=SETTINGS_FILE, extra="forbid", frozen=True
    )

    home: Annotated[Path, Field(description="folder for the embedded store, broker and logs")] = Path(
        ".qwenq"
    )
    database_url: Annotated[
        str | None, Field(description="SQL store (default: SQLite in the home folder)")
    ] = None
    broker_url: Annotated[
        str | None, Field(description="Redis broker (default: the embedded Redis of the home folder)")
    ] = None
    files_url: Annotated[
        str | None,
        Field(description="folder, s3:// or gs:// of the HTTP service's files (default: in the home)"),
    ] = None
    secrets_dir: Annotated[
        Path | None,
        Field(
            description="folder that holds settings as files, one each: `qwenq_database_url`, `qwenq_flower_auth`, …"
        ),
    ] = None
    model: Annotated[str | None, Field(description="hub id (also `id@commit`) or folder of the model")] = None
    device: Annotated[str, Field(description="auto, cpu, cuda, cuda:1, mps, xpu")] = "auto"
    dtype: Annotated[Dtype, Field(description="auto, float32, bfloat16, float16")] = "auto"
    quantize: Annotated[
        Quantize, Field(description="none, 8bit or 4bit: quantize the weights while loading")
    ] = "none"
    context: Annotated[
        int | None,
        Field(
            ge=1,
            description="the most tokens of a prompt with its answer, as far as the model goes (default: its context)",
        ),
    ] = None
    batch_rows: Annotated[
        int | None,
        Field(ge=1, description="the most documents to generate at once (default: 256; on a CPU 32)"),
    ] = None
    batch_tokens: Annotated[
        int | None,
        Field(ge=1, description="the most prompt and answer tokens at once (default: as free memory allows)"),
    ] = None
    cuda_graphs: Annotated[
        bool, Field(description="replay decode steps as CUDA graphs, if a trial at the start succeeds")
    ] = True
    chunk_documents: Annotated[int, Field(ge=1, description="the most documents in a chunk")] = 500
    chunk_tokens: Annotated[int, Field(ge=1, description="the most estimated prompt tokens in a chunk")] = (
        200_000
    )
    max_documents: Annotated[int, Field(ge=1, description="the most rows of a job, bad ones too")] = (
        10_000_000
    )
    max_job_bytes: Annotated[
        int, Field(ge=1, description="the most bytes of a job's documents, and of its files unpacked")
    ] = 32 * 1024**3
    max_open_jobs: Annotated[
        int | None, Field(ge=1, description="the most unfinished jobs of a submitter (default: no limit)")
    ] = None
    max_waiting_documents: Annotated[
        int | None, Field(ge=1, description="the most documents in these jobs (default: no limit)")
    ] = None
    lease_seconds: Annotated[
        float,
        Field(
            ge=2,
            description="how long a claim holds without progress, and a half-stored job without renewal by its "
            "`submit`; below 10 is for tests",
        ),
    ] = 60.0
    stall_seconds: Annotated[
        float, Field(ge=1, description="how long generation may stand still before it counts as hung")
    ] = 120.0
    stop_seconds: Annotated[
        float, Field(ge=1, description="how long a stopping worker may take to release its chunks")
    ] = 60.0
    patience_seconds: Annotated[
        float,
        Field(
            ge=1,
            description="how long a worker waits for a store that is away or full before it stops; at most 60 in "
            "`qwenq run`",
        ),
    ] = 900.0
    max_crashes: Annotated[
        int,
        Field(
            ge=1,
            description="how many times a chunk that runs alone may crash its worker before it is halved",
        ),
    ] = 2
    read_seconds: Annotated[
        float, Field(ge=1, description="how long reading a PDF, Word or HTML file, or 10,000 rows, may take")
    ] = 60.0
    read_memory_bytes: Annotated[
        int, Field(ge=1 << 28, description="the most memory, as address space, for reading such a file")
    ] = 1 << 30
    flower_auth: Annotated[
        SecretStr | None,
        Field(
            description="user:password of those who may look and act in Flower, several with spaces between; "
            "`qwenq flower --hash-password` makes a hash of a password"
        ),
    ] = None
    flower_viewers: Annotated[
        SecretStr | None, Field(description="the same for those who may look, but not act")
    ] = None
    flower_proxies: Annotated[
        str | None,
        Field(description="addresses of proxies before Flower, whose X-Forwarded-For and -Proto it believes"),
    ] = None
    metrics_token: Annotated[
        SecretStr | None, Field(description="token that Prometheus sends to read /metrics, and nothing else")
    ] = None
    webhook_secret: Annotated[
        SecretStr | None,
        Field(description="the key that signs notices to webhooks: whsec_ and base64, or any text"),
    ] = None
    webhook_hosts: Annotated[
        Names, Field(description="hosts of webhooks whose address may be private, separated by commas")
    ] = ()
    smtp_url: Annotated[
        SecretStr | None,
        Field(description="mail server: smtp://user:password@host:587 (STARTTLS) or smtps://"),
    ] = None
    mail_from: Annotated[str | None, Field(description="the sender of notices by mail")] = None
    flower_url: Annotated[str | None, Field(description="address of Flower for links in notices")] = None
    input_roots: Annotated[
        Names, Field(description="folders and URLs, by commas, for inputs of schedules (default: anywhere)")
    ] = ()
    output_roots: Annotated[
        Names, Field(description="folders and URLs, by commas, for answers of schedules (default: anywhere)")
    ] = ()
    schedule_seconds: Annotated[
        float, Field(ge=1, description="how long a schedule's run may read its inputs, or write its answers")
    ] = 14_400.0
    show_text: Annotated[
        bool, Field(description="whether Flower's pages and reports show documents and answers")
    ] = True
    log_level: Annotated[str, Field(description="debug, info, warning or error")] = "info"
    log_format: Annotated[LogFormat, Field(description="text or json: the format of services' logs")] = "text"
    log_bytes: Annotated[
        int,
        Field(
            ge=1 << 16,
            description="how large a log of `qwenq up` or `qwenq run` may become before it is rotated",
        ),
    ] = 10 * 1024**2
    log_files: Annotated[int, Field(ge=1, description="how many rotated logs are kept of each service")] = 3
    submitter: Annotated[
        str | None,
        Field(
            description="who submits, as shown with jobs: a claim that nothing checks, not an identity "
            "(default: user@host)"
        ),
    ] = None

    @field_validator("secrets_dir")
    @classmethod
    def _readable_secrets(cls, value: Path | None) -> Path | None:
        if value is not None and (fault := fault_in_secrets(value, cls)):
            raise ValueError(fault)
        return value

    @field_validator("flower_auth", "flower_viewers")
    @classmethod
    def _users_and_passwords(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        entries = value.get_secret_value().split()
        if not entries or not all(all(entry.partition(":")[::2]) for entry in entries):
            raise ValueError("it must read user:password, with spaces only between several of them")
        if not value.get_secret_value().isascii():
            raise ValueError("it must be ASCII: browsers send other letters in different ways")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _one_word(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and (
            not value.get_secret_value().isascii() or len(value.get_secret_value().split()) != 1
        ):
            raise ValueError("it must be one word of ASCII letters, digits and signs")
        return value

    @field_validator("flower_proxies")
    @classmethod
    def _networks(cls, value: str | None) -> str | None:
        for word in (value or "").replace(",", " ").split():
            try:
                ip_network(word, strict=False)
            except ValueError:
                raise ValueError(f"{word!r} is neither an address nor a network such as 10.0.0.0/8") from None
        return value

    @field_validator("webhook_hosts", "input_roots", "output_roots", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return list(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

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
        """Read the environment, then the secrets folder, then the file; no .env."""
        del dotenv_settings, file_secret_settings
        file = SettingsFileSource(settings_cls)
        folder = os.environ.get(f"{ENV_PREFIX}SECRETS_DIR") or file.toml_data.get("secrets_dir")
        return init_settings, env_settings, SecretFiles(settings_cls, folder), file


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; `overrides` win, unless they are None.

    Raises InvalidSetting, UntrustedSettingsFile, UntrustedHome.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise errors_in(error, ENV_PREFIX)[0] from None
    check_home(settings)
    return settings


def check_home(settings: Settings) -> None:
    """Refuse a home folder that nobody named and that others may have put there. Raises UntrustedHome."""
    if _uses_home(settings) and "home" not in settings.model_fields_set:
        require_own(settings.home)


def home_is_open(settings: Settings) -> bool:
    """Whether others can enter the home folder, if it exists and is used."""
    return _uses_home(settings) and is_open(settings.home)


def _uses_home(settings: Settings) -> bool:
    return not (settings.database_url and settings.broker_url)


def salvage_settings() -> tuple[Settings, list[InvalidSetting | UntrustedSettingsFile]]:
    """Read the settings, with defaults in place of invalid ones. Returns what is wrong, too."""
    wrong: list[InvalidSetting | UntrustedSettingsFile] = []
    given: dict[str, Any] = {}
    kind: type[Settings] = Settings
    while True:
        try:
            return kind(**given), wrong
        except (InvalidSetting, UntrustedSettingsFile) as error:
            wrong.append(error)
            kind = _WithoutFile
        except ValidationError as error:
            wrong += errors_in(error, ENV_PREFIX)
            kind = _WithUnknownNames if kind is Settings else kind
            names = {str(found["loc"][0]) for found in error.errors()} & set(Settings.model_fields)
            given |= {name: Settings.model_fields[name].default for name in names}


class _WithUnknownNames(Settings):
    """The settings; unknown names in the file are ignored."""

    model_config = SettingsConfigDict(extra="ignore")


class _WithoutFile(Settings):
    """The settings without the file."""

    model_config = SettingsConfigDict(toml_file=None)


@cache
def settings_of_process() -> Settings:
    """The settings of this process, read once."""
    return load_settings()
