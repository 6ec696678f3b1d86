"""`qwenq audit`: who did what over HTTP."""

import click

from qwenq.cli.options.ages import Age
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option, option


@click.command(name="audit", cls=Command, examples=("qwenq audit --tenant acme --since 7d",))
@option("--tenant", help="Only what was done in this tenant.")
@option("--since", metavar="AGE", type=Age(), default="30d", show_default=True, help="How far back.")
@json_option
def command(tenant: str | None, since: float, as_json: bool) -> int:
    """Show who created, read, cancelled or deleted what, oldest first: files, batches, tenants, keys."""
    from qwenq.actions.tenants import read_audit
    from qwenq.cli.options.settings import read_settings
    from qwenq.wording.numbers import moment
    from qwenq.wording.output import print_plain_json, show

    entries = read_audit(read_settings(), tenant, since)
    if as_json:
        print_plain_json(
            [
                {
                    "at": entry.at.isoformat(),
                    "tenant": entry.tenant,
                    "who": entry.who,
                    "action": entry.action,
                    "object": entry.object,
                    "request_id": entry.request_id,
                    "sha256": entry.sha256,
                }
                for entry in entries
            ]
        )
        return 0
    for entry in entries:
        request = "" if entry.request_id is None else f" in {entry.request_id}"
        content = "" if entry.sha256 is None else f", SHA-256 {entry.sha256}"
        show(f"{moment(entry.at)} {entry.tenant} {entry.who} {entry.action} {entry.object}{request}{content}")
    return 0
