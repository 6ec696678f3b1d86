"""The services of one `qwenq run` or `qwenq up`: started in order, watched, and stopped in reverse order."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from qwenq.embedded.redis import start_redis
from qwenq.embedded.service import Service
from qwenq.schemas.settings import Settings
from qwenq.wording.output import say

REDIS_STOP_SECONDS = 15.0
GRACE_BEYOND_STOP_SECONDS = 10.0


class Session:
    """The services that a `with` block starts. At its end they are stopped, politely first."""

    def __init__(self, settings: Settings, tell: Callable[[str], None] = say) -> None:
        self.settings = settings
        self._tell = tell
        self._services: list[Service] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._services and kind and issubclass(kind, KeyboardInterrupt):
                self._tell("stopping; answers are kept (Ctrl-C again stops at once)")
        finally:  # writing to a closed terminal fails
            self._stop()

    def start_broker(self) -> None:
        """Start the embedded Redis, unless a broker is set. Raises ServiceFailed."""
        if self.settings.broker_url is None:
            self._services.append(start_redis(self.settings))

    def start(self, name: str, *arguments: str) -> Service:
        """Start a qwenq command as a service with this session's settings."""
        log = self.settings.home / "logs" / f"{arguments[0]}.log"
        service = Service.of_qwenq(name, arguments, log, environment_of(self.settings))
        self._services.append(service)
        return service

    def require_running(self) -> None:
        """Raise ServiceFailed for the first service that has ended."""
        for service in self._services:
            service.require_running()

    def _stop(self) -> None:
        """Stop Redis last: the other services need it to stop politely."""
        redis = [one for one in self._services if one.name == "the embedded Redis"]
        others = [one for one in self._services if one not in redis]
        patience = self.settings.stop_seconds + GRACE_BEYOND_STOP_SECONDS
        try:
            for services, seconds in ((others, patience), (redis, REDIS_STOP_SECONDS)):
                for service in services:
                    service.ask_to_stop()
                for service in services:
                    service.wait_until_stopped(seconds)
        except KeyboardInterrupt:
            for service in self._services:
                service.kill()
            raise


def environment_of(settings: Settings) -> Mapping[str, str]:
    """The environment variables that give a child process the same settings."""
    environment = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if value is None:
            continue
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        environment[f"QWENQ_{name.upper()}"] = str(value.absolute() if isinstance(value, Path) else value)
    return environment
