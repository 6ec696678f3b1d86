"""The services of one `qwenq run` or `qwenq up`: started in order, watched, and stopped in reverse order."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from qwenq.embedded.log_rotation import rotate
from qwenq.embedded.redis import start_redis
from qwenq.embedded.service import Service
from qwenq.schemas.errors import WorkerBroke
from qwenq.schemas.settings import Settings
from qwenq.wording.output import say

REDIS_STOP_SECONDS = 15.0
GRACE_BEYOND_STOP_SECONDS = 10.0
MOST_RESTARTS = 3
RESTARTS_SECONDS = 600.0
"""A service that breaks more often than MOST_RESTARTS within this time is not started again."""


class Session:
    """The services that a `with` block starts. At its end they are stopped, politely first."""

    def __init__(self, settings: Settings, tell: Callable[[str], None] = say) -> None:
        self.settings = settings
        self._tell = tell
        self._services: list[Service] = []
        self._restarts: list[float] = []

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
        """Rotate logs, and start a service again that left because a fresh process may do better; say why it left.

        Raises ServiceFailed for any other service that has ended, and for one that left too often.
        """
        for place, service in enumerate(self._services):
            rotate(service.log, self.settings.log_bytes, self.settings.log_files)
            if service.exit_code != WorkerBroke.exit_code or not self._may_restart():
                service.require_running()
                continue
            self._tell(f"{service.name} is started again: {service.last_words()}")
            self._services[place] = service.started_again()

    def _may_restart(self) -> bool:
        moment = time.monotonic()
        self._restarts = [one for one in self._restarts if one > moment - RESTARTS_SECONDS]
        self._restarts.append(moment)
        return len(self._restarts) <= MOST_RESTARTS

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
        if isinstance(value, tuple):
            value = ",".join(value)
        environment[f"QWENQ_{name.upper()}"] = str(value.absolute() if isinstance(value, Path) else value)
    return environment
