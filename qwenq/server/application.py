"""The application: routes, refusals, and what surrounds each request."""

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from qwenq.server import refusals
from qwenq.server.bounds.rates import Rates
from qwenq.server.chat.waiting import Waiting
from qwenq.server.listening.slow_bodies import SlowBodies
from qwenq.server.routes import (
    batch_changes,
    batches,
    chat,
    estimates,
    files,
    health,
    metrics,
    models,
    uploads,
)
from qwenq.server.service import Service
from qwenq.server.threads import FewThreads
from qwenq.server.watching.metrics import Metrics
from qwenq.server.watching.requests_log import RequestsLog
from qwenq.store.broker.urgent_news import UrgentAnnouncer


def make_application(service: Service, root_path: str = "") -> FastAPI:
    """Make the application of a process."""
    # Its page at /docs needs nothing from the internet.
    application = FastAPIOffline(title="qwenq", root_path=root_path, redirect_slashes=False, redoc_url=None)
    application.state.service = service
    application.state.rates = Rates(service.settings)
    application.state.metrics = Metrics()
    application.state.announcer = UrgentAnnouncer(service.broker)
    application.state.waiting = Waiting(service.still_open)
    for part in (files, uploads, estimates, batches, batch_changes, models, chat, health, metrics):
        application.include_router(part.router)
    refusals.install(application)
    application.add_middleware(SlowBodies)
    application.add_middleware(FewThreads)
    application.add_middleware(RequestsLog, metrics=application.state.metrics)
    return application
