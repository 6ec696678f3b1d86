"""`qwenq tenants`: those whom the HTTP service keeps apart."""

from typing import TYPE_CHECKING

import click

from qwenq.cli.options.sections import Group
from qwenq.cli.options.shared import json_option, option

if TYPE_CHECKING:
    from qwenq.schemas.service.tenants import Tenant


@click.group(name="tenants", cls=Group)
def command() -> None:
    """List, add, change and remove tenants of the HTTP service. What belongs to one does not exist for others.

    The tenant `local` is the command line's own.
    """


_waits = option(
    "--wait-for-models/--no-wait-for-models",
    default=False,
    help="Whether its batches may wait for a model that no worker had so far [default: no-wait-for-models].",
)

_changed_waits = option(
    "--wait-for-models/--no-wait-for-models",
    default=None,
    help="Whether its batches may wait for a model that no worker had so far.",
)


@command.command(examples=("qwenq tenants add acme",))
@click.argument("name")
@_waits
def add(name: str, wait_for_models: bool) -> int:
    """Add a tenant."""
    from qwenq.actions.tenants import add_tenant
    from qwenq.cli.options.settings import read_settings

    add_tenant(read_settings(), name, waits_for_models=wait_for_models)
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
    return 0


@command.command(
    name="set",
    examples=(
        "qwenq tenants set acme --wait-for-models",
        "qwenq tenants set acme --webhook https://acme.example/qwenq",
    ),
)
@click.argument("name")
@_changed_waits
@option(
    "--webhook",
    metavar="URL",
    help="Post the events of its batches there; prints a new secret that signs them, once.",
)
@option("--no-webhook", is_flag=True, help="Post no more events of its batches.")
def set_command(name: str, wait_for_models: bool | None, webhook: str | None, no_webhook: bool) -> int:
    """Change what a tenant may do; what is not given stays."""
    from qwenq.actions import tenants
    from qwenq.cli.options.settings import read_settings
    from qwenq.schemas.errors import InvalidParameter
    from qwenq.wording.output import show

    if webhook is not None and no_webhook:
        raise InvalidParameter(name="--webhook, --no-webhook", reason="give one of them, not both")
    settings = read_settings()
    if wait_for_models is not None:
        tenants.set_tenant(settings, name, waits_for_models=wait_for_models)
    if no_webhook:
        tenants.remove_webhook(settings, name)
    if webhook is not None:
        show(tenants.set_webhook(settings, name, webhook))
    return 0


@command.command(examples=("qwenq tenants remove acme",))
@click.argument("name")
def remove(name: str) -> int:
    """Remove a tenant with its keys, if it has no files, batches and jobs any more."""
    from qwenq.actions.tenants import remove_tenant
    from qwenq.cli.options.settings import read_settings

    remove_tenant(read_settings(), name)
    return 0


def _line(tenant: "Tenant") -> str:
    from qwenq.wording.numbers import moment

    waits = "; its batches wait for models" if tenant.waits_for_models else ""
    return f"{tenant.name:20} since {moment(tenant.created_at)}{waits}"


def _as_json(tenant: "Tenant") -> dict[str, object]:
    return {
        "name": tenant.name,
        "waits_for_models": tenant.waits_for_models,
        "created_at": tenant.created_at.isoformat(),
    }
