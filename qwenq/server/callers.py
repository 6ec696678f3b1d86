"""Who makes a request: found by its key, or local if the service has no keys."""

from typing import Annotated

from fastapi import Depends, Request, Security

from qwenq.schemas.service.bounds import OFF
from qwenq.schemas.service.tenants import LOCAL, Caller, Role
from qwenq.server.bounds.rates import Rates
from qwenq.server.bounds.requests import count_request, count_wrong_key
from qwenq.server.documented import BEARER
from qwenq.server.refusals import Refused
from qwenq.server.service import Service, is_loopback
from qwenq.store.tenants.keys import any_key, note_use, valid_key
from qwenq.store.tenants.tenants import find_tenant

_SCHEME = "bearer "
_OF_OTHERS = ("origin", "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers that pages of browsers and proxies send."""


async def service_of(request: Request) -> Service:
    """What the routes of this application work with. Not in a thread, which would cost more than all it does."""
    return _service_of(request)


def caller_of(request: Request, _documented: Annotated[object, Security(BEARER)] = None) -> Caller:
    """Who makes the request, which is counted.

    Raises Refused: without a valid key if there are keys, from a foreign page, or beyond a bound.
    """
    service = _service_of(request)
    given = request.headers.get("authorization", "")
    key = given[len(_SCHEME) :].strip() if given[: len(_SCHEME)].lower() == _SCHEME else ""
    with service.store.asking() as connection:
        found, is_stale = (valid_key(connection, key) if key else None) or (None, False)
        is_guarded = found is not None or not service.is_local or any_key(connection)
        tenant = find_tenant(connection, LOCAL if found is None else found.tenant)
    if not is_guarded:
        _check_local(request)
        return _counted(
            request,
            Caller(
                LOCAL,
                LOCAL,
                Role.ADMIN,
                LOCAL,
                request.state.request_id,
                OFF,
                tenant.bounds,
                tenant.sanitizes,
            ),
        )
    if found is None:
        if key:
            count_wrong_key(_rates_of(request), request.client.host if request.client else "")
        message = "Incorrect API key provided." if key else "You didn't provide an API key."
        raise Refused(401, message, code="invalid_api_key" if key else None)
    if is_stale:
        with service.store.writing() as connection:
            note_use(connection, found.id)
    return _counted(
        request,
        Caller(
            found.tenant,
            found.owner,
            found.role,
            found.prefix,
            request.state.request_id,
            found.bounds,
            tenant.bounds,
            tenant.sanitizes,
        ),
    )


async def changer_of(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
    """The same, who may create, cancel and delete. Raises Refused for a viewer."""
    if not caller.may_change:
        raise Refused(403, "The role of this key is viewer: it reads, and changes nothing.", code="forbidden")
    return caller


Reader = Annotated[Caller, Depends(caller_of)]
Changer = Annotated[Caller, Depends(changer_of)]
Served = Annotated[Service, Depends(service_of)]


def _service_of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


def _counted(request: Request, caller: Caller) -> Caller:
    """Count the request. Raises Refused."""
    request.state.tenant, request.state.who = caller.tenant, caller.who
    request.state.headers = count_request(_rates_of(request), caller)
    return caller


def _rates_of(request: Request) -> Rates:
    found: Rates = request.app.state.rates
    return found


def _check_local(request: Request) -> None:
    """Without keys, neither a proxy nor a page in this machine's browser may let others in."""
    host = request.url.hostname or ""
    if not is_loopback(host) or any(name in request.headers for name in _OF_OTHERS):
        raise Refused(
            403,
            "Without keys, this service answers only programs of this machine. `qwenq keys create` makes a key.",
        )
