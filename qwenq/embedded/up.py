"""`qwenq up`: all services of one home folder, until Ctrl-C."""

import logging
import os
import socket
import time
from importlib.util import find_spec
from pathlib import Path
from shlex import quote

from qwenq.access.owner_key import owner_key_file
from qwenq.access.owner_token import owner_token, shown_address
from qwenq.actions.request import model_of
from qwenq.actions.submitters import submitter_of
from qwenq.embedded.home import hold_home
from qwenq.embedded.session import Session
from qwenq.schemas.errors import CannotListen, reason_of
from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_store
from qwenq.wording.output import say
from qwenq.worker.engines.factory import check_available, check_model

LOOK_EVERY_SECONDS = 0.5
LOOPBACK = "127.0.0.1"
WITHOUT_SERVICE = "without OpenAI's API: pip install 'qwenq[serve]'"


def keep_services(settings: Settings, flower_port: int, serve_port: int) -> None:
    """Run Redis (unless a broker is set), a worker, beat, Flower and the HTTP service until interrupted.

    Without the HTTP service's libraries, the others run.

    Raises ServiceAway, CannotListen.
    """
    model = model_of(settings)
    check_model(model, settings)
    check_available(model)
    # With a JSON log, sentences for people become log lines too.
    tell = say if settings.log_format == "text" else logging.getLogger("qwenq.service").info
    with hold_home(settings.home), Session(settings, tell) as session:
        has_service = find_spec("fastapi") is not None
        _require_free(os.environ.get("QWENQ_FLOWER_ADDRESS", LOOPBACK), flower_port, "--port")
        if has_service:
            _require_free(LOOPBACK, serve_port, "--serve-port")
        with open_store(settings) as store:
            key_file = owner_key_file(store, settings, submitter_of(settings)) if has_service else None
        session.start_broker()
        session.start("the worker", "worker", "--model", model)
        session.start("beat", "beat")
        jobs = _jobs_address(settings, flower_port)
        session.start("Flower", "flower", "--port", str(flower_port))
        if has_service:
            session.start(
                "the HTTP service",
                "serve",
                "--model",
                model,
                "--address",
                LOOPBACK,
                "--port",
                str(serve_port),
            )
        tell(f"model {model}; jobs at {jobs}; logs in {settings.home / 'logs'}")
        tell(_about_service(serve_port, key_file) if has_service else WITHOUT_SERVICE)
        tell(
            f"in another terminal, in {Path.cwd()}: qwenq submit FILE --model {quote(model)}; Ctrl-C stops everything"
        )
        while True:
            session.require_running()
            time.sleep(LOOK_EVERY_SECONDS)


def _require_free(address: str, port: int, option: str) -> None:
    """Try a port before anything is started. Raises CannotListen."""
    try:
        socket.create_server((address, port)).close()
    except OSError as error:
        raise CannotListen(address, port, reason_of(error), option) from None


def _about_service(port: int, key_file: Path | None) -> str:
    """How a client of OpenAI's finds the service and its key. The key itself might get into a log."""
    url = f"http://{LOOPBACK}:{port}/v1"
    if key_file is None:
        return f"OpenAI's API at {url}, for those who have a key: `qwenq keys list`"
    return f"OpenAI's API: export OPENAI_BASE_URL={url} OPENAI_API_KEY=$(cat {quote(str(key_file))})"


def _jobs_address(settings: Settings, port: int) -> str:
    """The address of the jobs' page. Without users, it has the token that opens it."""
    url = f"http://127.0.0.1:{port}/jobs"
    if settings.flower_auth or settings.flower_viewers or os.environ.get("FLOWER_AUTH"):
        return url
    return shown_address(url, owner_token(settings.home))
