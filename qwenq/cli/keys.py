"""`qwenq keys`: keys of the HTTP service."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from qwenq.cli.options.ages import Age
from qwenq.cli.options.bounds import bound_options, given_bounds
from qwenq.cli.options.sections import Group
from qwenq.cli.options.shared import json_option, option

if TYPE_CHECKING:
    from datetime import datetime

    from qwenq.schemas.service.tenants import ApiKey

ROLES = ("member", "viewer", "admin", "operator")


@click.group(name="keys", cls=Group)
def command() -> None:
    """Create, list and revoke keys of the HTTP service. The store has only a hash of each."""


@command.command(examples=("qwenq keys create --tenant acme --owner anna",))
@option("--tenant", required=True, help="The tenant that it is for.")
@option(
    "--owner",
    default="default",
    show_default=True,
    help="Who uses it: members see the work of their owner only, also under another key.",
)
@option(
    "--role",
    type=click.Choice(ROLES),
    default="member",
    show_default=True,
    help="member: own work; viewer: reads all of the tenant; admin: may do all in it; operator: as admin.",
)
@option("--expires", metavar="AGE", type=Age(), help="When it expires, such as 90d; else never.")
@bound_options(of_tenant=False)
@json_option
def create(tenant: str, owner: str, role: str, expires: float | None, as_json: bool, **options: Any) -> int:
    """Create a key, and print it alone on stdout. It is shown only now.

    Its bounds hold beside those of its tenant; what is stored counts for all keys of its owner.
    """
    from qwenq.actions.tenants import create_key
    from qwenq.cli.options.settings import read_settings
    from qwenq.schemas.service.tenants import Role
    from qwenq.wording.output import print_plain_json, say

    made = create_key(read_settings(), tenant, owner, Role(role), expires, given_bounds(options))
    if as_json:
        print_plain_json({"key": made.key, **_as_json(made.stored)})
    else:
        say(f"key {made.stored.id} of {tenant}: keep it, it is not shown again")
        click.echo(made.key)
    return 0


@command.command(name="list", examples=("qwenq keys list --tenant acme",))
@option("--tenant", help="Only its keys.")
@json_option
def list_command(tenant: str | None, as_json: bool) -> int:
    """List keys, with the beginning that each is recognised by."""
    from qwenq.actions.tenants import list_keys
    from qwenq.cli.options.settings import read_settings
    from qwenq.wording.output import print_plain_json, show

    found = list_keys(read_settings(), tenant)
    if as_json:
        print_plain_json([_as_json(key) for key in found])
    else:
        for key in found:
            show(_line(key))
    return 0


@command.command(examples=("qwenq keys revoke 3",))
@click.argument("number", metavar="KEY", type=click.IntRange(1))
def revoke(number: int) -> int:
    """Revoke a key by its number in the list, for good. The next request with it is refused."""
    from qwenq.actions.tenants import revoke_key
    from qwenq.cli.options.settings import read_settings
    from qwenq.wording.output import say

    key = revoke_key(read_settings(), number)
    say(f"revoked: {key.prefix}… of {key.tenant}")
    return 0


def _line(key: "ApiKey") -> str:
    from qwenq.wording.numbers import moment

    facts = [f"{key.id:4} {key.prefix}… {key.tenant} {key.owner} {key.role}"]
    facts.append(f"last used {moment(key.last_used_at)}" if key.last_used_at else "never used")
    facts += [
        f"{name.replace('_', ' ')} {most:,}" for name, most in asdict(key.bounds).items() if most is not None
    ]
    if key.expires_at:
        facts.append(f"expires {moment(key.expires_at)}")
    if key.revoked_at:
        facts.append(f"revoked {moment(key.revoked_at)}")
    return ", ".join(facts)


def _as_json(key: "ApiKey") -> dict[str, object]:
    def at(moment: "datetime | None") -> str | None:
        return None if moment is None else moment.isoformat()

    return {
        "id": key.id,
        "tenant": key.tenant,
        "owner": key.owner,
        "role": key.role,
        "bounds": {name: most for name, most in asdict(key.bounds).items() if most is not None},
        "prefix": key.prefix,
        "created_at": at(key.created_at),
        "expires_at": at(key.expires_at),
        "last_used_at": at(key.last_used_at),
        "revoked_at": at(key.revoked_at),
    }
