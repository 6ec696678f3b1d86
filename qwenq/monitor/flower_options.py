"""Flower's options: those that the environment may set (FLOWER_*), and ours. An unknown door stays closed."""

import os
from types import SimpleNamespace
from typing import Any

from flower.command import apply_env_options, extract_settings
from flower.options import default_options

from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.settings import Settings

MOST_TASKS = 5_000
"""Tasks that Flower remembers, unless FLOWER_MAX_TASKS is set. Each takes 10 kB; Flower's default is 100,000."""
FORGET_WORKERS_SECONDS = 86_400
"""When Flower forgets an offline worker, unless FLOWER_PURGE_OFFLINE_WORKERS is set. Each start gives a worker a new
name with some twenty series in /metrics, which Flower would otherwise keep forever."""
LEAST_COOKIE_SECRET = 32

ALLOWED = frozenset(
    {
        "auth",
        "auth_provider",
        "auto_refresh",
        "ca_certs",
        "certfile",
        "cookie_secret",
        "enable_events",
        "inspect_timeout",
        "keyfile",
        "max_tasks",
        "max_workers",
        "natural_time",
        "oauth2_key",
        "oauth2_redirect_uri",
        "oauth2_secret",
        "purge_offline_workers",
        "read_only",
        "task_runtime_metric_buckets",
        "tasks_columns",
        "unix_socket",
        "url_prefix",
    }
)
IGNORED = frozenset({"address", "port"})
"""Options of `qwenq flower` say where it listens. Kubernetes sets FLOWER_PORT by itself."""
_INSTEAD = {
    "basic_auth": "Set QWENQ_FLOWER_AUTH",
    "xheaders": "Set QWENQ_FLOWER_PROXIES to the addresses of your proxies",
    "unauthenticated_api": "Flower's API has the rules of its pages",
    "persistent": "It would read a pickle; qwenq's store keeps all that matters",
    "db": "It would read a pickle; qwenq's store keeps all that matters",
}
_PROVIDERS = "flower.views.auth."


def flower_options(settings: Settings, address: str, port: int, *, read_only: bool) -> Any:
    """Flower's options: its defaults, then FLOWER_* of the environment, then ours. Raises InvalidSetting."""
    _check_environment()
    default_options.max_tasks = MOST_TASKS
    default_options.purge_offline_workers = FORGET_WORKERS_SECONDS
    # Our workers send events from the start; Flower need not ask them every five seconds.
    default_options.enable_events = False
    ports = {name: os.environ.pop(name) for name in ("FLOWER_PORT", "FLOWER_ADDRESS") if name in os.environ}
    try:
        apply_env_options()
    except ValueError as error:
        raise InvalidSetting(name="FLOWER_*", reason=str(error)) from None
    finally:
        os.environ |= ports
    extract_settings()
    options = SimpleNamespace(**default_options.as_dict() | {"address": address, "port": port})
    options.read_only = bool(read_only or options.read_only)
    # The guard knows who sends a request. Flower must not ask again.
    options.basic_auth = None
    _check_doors(settings, options)
    return options


def _check_environment() -> None:
    """Refuse options that open a door, or that qwenq has in another way."""
    for variable in os.environ:
        name = variable.removeprefix("FLOWER_").lower()
        if name == variable.lower() or name in ALLOWED | IGNORED:
            continue
        if name in _INSTEAD or name in default_options:
            reason = f"qwenq does not support this option of Flower. {_INSTEAD.get(name, 'Remove it')}"
            raise InvalidSetting(name=variable, reason=reason)


def _check_doors(settings: Settings, options: Any) -> None:
    guarded = settings.flower_auth or settings.flower_viewers or options.auth
    if options.unix_socket and not guarded:
        raise InvalidSetting(
            name="FLOWER_UNIX_SOCKET",
            reason="every user of this machine could open the pages. Set QWENQ_FLOWER_AUTH=user:password as well",
        )
    provider = options.auth_provider
    if provider is not None and not provider.startswith(_PROVIDERS):
        raise InvalidSetting(name="FLOWER_AUTH_PROVIDER", reason=f"it must be a class of {_PROVIDERS[:-1]}")
    if options.auth and not provider:
        raise InvalidSetting(name="FLOWER_AUTH", reason="it needs FLOWER_AUTH_PROVIDER too")
    if options.auth and len(options.cookie_secret) < LEAST_COOKIE_SECRET:
        reason = f"it needs {LEAST_COOKIE_SECRET} characters: who guesses it is signed in"
        raise InvalidSetting(name="FLOWER_COOKIE_SECRET", reason=reason)
