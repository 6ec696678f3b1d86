"""`qwenq tenants`: those whom the HTTP service keeps apart."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from qwenq.cli.options.ages import OFF, Kept
from qwenq.cli.options.bounds import BOUND_HELP, bound_options, given_bounds
from qwenq.cli.options.sections import Group
from qwenq.cli.options.shared import json_option, option

if TYPE_CHECKING:
    from qwenq.schemas.service.tenants import ErasedTenant, Tenant


@click.group(name="tenants", cls=Group)
def command() -> None:
    """List, add, change and remove tenants of the HTTP service. What belongs to one does not exist for others.

    The tenant `local` is the command line's own.
    """


_waits = option(
    "--wait-for-models/--no-wait-for-models",
    "waits_for_models",
    default=None,
    help="Whether its batches may wait for a model that no worker had so far [at first: no-wait-for-models].",
)
_keep = option(
    "--keep",
    type=Kept(),
    metavar="AGE",
    help="How long its files are kept at most, and its batches and jobs after their end, with all documents and "
    "answers: 30d, 12h, off [at first: off].",
)
_sanitizes = option(
    "--sanitize/--no-sanitize",
    default=None,
    help="Whether markup that could run in a browser is taken out of its documents [at first: no-sanitize].",
)
_bounds = bound_options(of_tenant=True)
_COLUMNS = {"keep": "keep_seconds", "sanitize": "sanitizes"}


@command.command(examples=("qwenq tenants add acme",))
@click.argument("name")
@_waits
@_keep
@_sanitizes
@_bounds
def add(name: str, **given: Any) -> int:
    """Add a tenant. `qwenq tenants show` shows its bounds, also those that nobody set."""
    from qwenq.actions.tenants import add_tenant
    from qwenq.cli.options.settings import read_settings

    add_tenant(read_settings(), name, _columns(given), given_bounds(given))
    return 0


@command.command(name="list", examples=("qwenq tenants list --json",))
@json_option
def list_command(as_json: bool) -> int:
    """List all tenants."""
    from qwenq.actions.tenants import list_tenants
    from qwenq.cli.options.settings import read_settings
    from qwenq.wording.output import print_plain_json, show

    found = list_tenants(read_settings())
    if as_json:
        print_plain_json([_as_json(tenant) for tenant in found])
    else:
        for tenant in found:
            show(_line(tenant))
    return 0


@command.command(examples=("qwenq tenants show acme",))
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> int:
    """Show a tenant."""
    from qwenq.actions.tenants import show_tenant, show_webhook
    from qwenq.cli.options.settings import read_settings
    from qwenq.notices.targets import shown_url
    from qwenq.wording import output

    settings = read_settings()
    tenant = show_tenant(settings, name)
    webhook = show_webhook(settings, name)
    url = None if webhook is None else shown_url(webhook.url)
    if as_json:
        output.print_plain_json({**_as_json(tenant), "webhook": url})
    else:
        output.show(_line(tenant))
        if url is not None:
            output.show(f"webhook: {url}")
        for bound, most in asdict(tenant.bounds).items():
            default = "" if bound in tenant.set_bounds else "  (default)"
            output.show(
                f"  {bound.replace('_', ' '):20} {'off' if most is None else format(most, ',')}{default}"
            )
    return 0


@command.command(
    name="set",
    examples=(
        "qwenq tenants set acme --wait-for-models",
        "qwenq tenants set acme --webhook https://acme.example/qwenq",
        "qwenq tenants set acme --requests-per-minute 600 --stored-bytes 20GiB --tokens-per-day off",
    ),
)
@click.argument("name")
@_waits
@_keep
@_sanitizes
@option(
    "--webhook",
    metavar="URL",
    help="Post the events of its batches there; prints a new secret that signs them, once.",
)
@option("--no-webhook", is_flag=True, help="Post no more events of its batches.")
@_bounds
def set_command(name: str, webhook: str | None, no_webhook: bool, **given: Any) -> int:
    """Change what a tenant may do; what is not given stays. It counts from the next request on."""
    from qwenq.actions import tenants
    from qwenq.cli.options.settings import read_settings
    from qwenq.schemas.errors import InvalidParameter
    from qwenq.wording.output import show

    if webhook is not None and no_webhook:
        raise InvalidParameter(name="--webhook, --no-webhook", reason="give one of them, not both")
    settings, changes, bounds = read_settings(), _columns(given), given_bounds(given)
    if changes or bounds:
        tenants.set_tenant(settings, name, changes, bounds)
    if no_webhook:
        tenants.remove_webhook(settings, name)
    if webhook is not None:
        show(tenants.set_webhook(settings, name, webhook))
    return 0


@command.command(examples=("qwenq tenants remove acme", "qwenq tenants remove acme --erase"))
@click.argument("name")
@option(
    "--erase", is_flag=True, help="Also remove its files, batches and jobs with all documents and answers."
)
@json_option
def remove(name: str, erase: bool, as_json: bool) -> int:
    """Remove a tenant with its keys, if it has no files, batches and jobs any more.

    With --erase, its work is cancelled and removed for good; only the audit stays. Broken off, it goes on when it is
    called again.
    """
    from qwenq.actions.submitters import submitter_of
    from qwenq.actions.tenants import remove_tenant
    from qwenq.cli.options.settings import read_settings
    from qwenq.server.erasing import erase_tenant
    from qwenq.wording.output import print_plain_json, show

    settings = read_settings()
    if not erase:
        remove_tenant(settings, name)
        return 0
    erased = erase_tenant(settings, name, submitter_of(settings))
    print_plain_json(asdict(erased)) if as_json else show(_told(erased))
    return 0


def _columns(given: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that options name; `off` becomes null."""
    named = {_COLUMNS.get(name, name): value for name, value in given.items() if name not in BOUND_HELP}
    return {name: None if value == OFF else value for name, value in named.items() if value is not None}


def _told(erased: "ErasedTenant") -> str:
    from qwenq.wording.numbers import counted, number, size

    what = (
        f"{counted(erased.keys, 'key')}, {number(erased.batches)} {'batch' if erased.batches == 1 else 'batches'}, "
        f"{counted(erased.jobs, 'job')} with {counted(erased.documents, 'document')} and "
        f"{counted(erased.answers, 'answer')}, {counted(erased.files, 'file')} of {size(erased.bytes)}"
    )
    return f"erased {erased.name}: {what}"


def _line(tenant: "Tenant") -> str:
    from qwenq.wording.numbers import duration, moment

    waits = "; its batches wait for models" if tenant.waits_for_models else ""
    keeps = (
        ""
        if tenant.keep_seconds is None
        else f"; its files and ended work are kept for {duration(tenant.keep_seconds)}"
    )
    sanitizes = "; its documents are sanitized" if tenant.sanitizes else ""
    erasing = "; half erased: `qwenq tenants remove --erase` goes on" if tenant.erasing else ""
    return f"{tenant.name:20} since {moment(tenant.created_at)}{waits}{keeps}{sanitizes}{erasing}"


def _as_json(tenant: "Tenant") -> dict[str, object]:
    return {
        "name": tenant.name,
        "waits_for_models": tenant.waits_for_models,
        "keep_seconds": tenant.keep_seconds,
        "erasing": tenant.erasing,
        "sanitizes": tenant.sanitizes,
        "bounds": asdict(tenant.bounds),
        "created_at": tenant.created_at.isoformat(),
    }
