"""`/metrics`: series for Prometheus. They name tenants, so only who watches the service may read them."""

import hmac

from fastapi import APIRouter, Request
from fastapi.responses import Response

from qwenq.schemas.service.tenants import Role
from qwenq.server.callers import Served, caller_of
from qwenq.server.documented import METRICS, refusals
from qwenq.server.refusals import Refused
from qwenq.server.watching.metrics import CONTENT_TYPE, Metrics

router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response, responses=refusals() | METRICS)
def metrics(request: Request, service: Served) -> Response:
    """Tell all series: to who has QWENQ_METRICS_TOKEN, to an operator, or to this machine if there are no keys."""
    token = service.settings.metrics_token
    given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
    if token is None or not hmac.compare_digest(given, token.get_secret_value().encode()):
        caller = caller_of(request)
        is_alone = caller.role is Role.ADMIN and token is None and service.is_local and not given
        if not is_alone and caller.role is not Role.OPERATOR:
            raise Refused(
                403, "Only an operator's key or QWENQ_METRICS_TOKEN opens this page.", code="forbidden"
            )
    found: Metrics = request.app.state.metrics
    return Response(found.told(), media_type=CONTENT_TYPE)
