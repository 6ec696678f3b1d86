"""`qwenq serve`: OpenAI's Files and Batches over HTTP."""

from typing import Any

import click

from qwenq.cli.options.log import log_options, logged
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import model_option, option


@click.command(
    name="serve", cls=Command, examples=("qwenq serve", "qwenq serve --address 0.0.0.0 --port 8000")
)
@option(
    "--port",
    twin="QWENQ_SERVE_PORT",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="The port to listen on.",
)
@option(
    "--address",
    twin="QWENQ_SERVE_ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; other programs of the network need a key.",
)
@option("--root-path", twin="QWENQ_SERVE_ROOT_PATH", help="The path of the service behind a proxy.")
@model_option
@log_options
def command(address: str, port: int, root_path: str | None, **options: Any) -> int:
    """Serve OpenAI's Files and Batches over HTTP, under /v1, for the `openai` package and its like.

    Without keys, it listens on loopback only, and everybody on this machine is the tenant `local`. As soon as there is
    a key (`qwenq keys create`), each request needs one. Several may serve one store.
    """
    from qwenq.schemas.settings import load_settings

    settings = load_settings(**options)
    try:
        from qwenq.server.serving import Serving, serve
    except ImportError:
        from qwenq.schemas.errors import MissingExtra
        from qwenq.schemas.machine.installation import with_extra

        raise MissingExtra(what="qwenq serve", requirement=with_extra("serve")) from None
    with logged(settings):
        serve(settings, Serving(address, port, root_path or ""))
    return 0
