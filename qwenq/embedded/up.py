"""`qwenq up`: all services of one home folder, until Ctrl-C."""

import logging
import os
import socket
import time
from pathlib import Path
from shlex import quote

from qwenq.access.owner_token import owner_token, shown_address
from qwenq.actions.request import model_of
from qwenq.embedded.home import hold_home
from qwenq.embedded.session import Session
from qwenq.schemas.errors import CannotListen, reason_of
from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_store
from qwenq.wording.output import say
from qwenq.worker.engines.factory import check_available, check_model

LOOK_EVERY_SECONDS = 0.5


def keep_services(settings: Settings, flower_port: int) -> None:
    """Run Redis (unless a broker is set), a worker, beat and Flower until interrupted.

    Raises ServiceAway, CannotListen.
    """
    model = model_of(settings)
    check_model(model, settings)
    check_available(model)
    # With a JSON log, sentences for people become log lines too.
    tell = say if settings.log_format == "text" else logging.getLogger("qwenq.service").info
    with hold_home(settings.home), Session(settings, tell) as session:
        _require_free(flower_port)
        open_store(settings).close()
        session.start_broker()
        session.start("the worker", "worker", "--model", model)
        session.start("beat", "beat")
        jobs = _jobs_address(settings, flower_port)
        session.start("Flower", "flower", "--port", str(flower_port))
        tell(f"model {model}; jobs at {jobs}; logs in {settings.home / 'logs'}")
        tell(
            f"in another terminal, in {Path.cwd()}: qwenq submit FILE --model {quote(model)}; Ctrl-C stops everything"
        )
        while True:
            session.require_running()
            time.sleep(LOOK_EVERY_SECONDS)


def _require_free(port: int) -> None:
    """Try Flower's port before anything is started. Raises CannotListen."""
    address = os.environ.get("QWENQ_FLOWER_ADDRESS", "127.0.0.1")
    try:
        socket.create_server((address, port)).close()
    except OSError as error:
        raise CannotListen(address, port, reason_of(error)) from None


def _jobs_address(settings: Settings, port: int) -> str:
    """The address of the jobs' page. Without users, it has the token that opens it."""
    url = f"http://127.0.0.1:{port}/jobs"
    if settings.flower_auth or settings.flower_viewers or os.environ.get("FLOWER_AUTH"):
        return url
    return shown_address(url, owner_token(settings.home))
