"""`qwenq up`: all services of one home folder, until Ctrl-C."""

import logging
import time

from qwenq.actions.request import model_of
from qwenq.embedded.home import hold_home
from qwenq.embedded.session import Session
from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_store
from qwenq.wording.output import say
from qwenq.worker.engines.factory import check_model

LOOK_EVERY_SECONDS = 0.5


def keep_services(settings: Settings, flower_port: int) -> None:
    """Run Redis (unless a broker is set), a worker, beat and Flower until interrupted. Raises ServiceAway."""
    model = model_of(settings)
    check_model(model, settings)
    # With a JSON log, sentences for people become log lines too.
    tell = say if settings.log_format == "text" else logging.getLogger("qwenq.service").info
    with hold_home(settings.home), Session(settings, tell) as session:
        open_store(settings).close()
        session.start_broker()
        session.start("the worker", "worker", "--model", model)
        session.start("beat", "beat")
        session.start("Flower", "flower", "--port", str(flower_port))
        tell(f"model {model}; jobs at http://127.0.0.1:{flower_port}/jobs; logs in {settings.home / 'logs'}")
        tell("submit from another terminal: qwenq submit FILE --model ... ; Ctrl-C stops everything")
        while True:
            session.require_running()
            time.sleep(LOOK_EVERY_SECONDS)
