"""`qwenq serve`: OpenAI's Files and Batches over HTTP."""

from pathlib import Path
from typing import Any

import click

from qwenq.cli.options.log import log_options, logged
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import model_option, option


@click.command(
    name="serve",
    cls=Command,
    examples=("qwenq serve", "qwenq serve --address 0.0.0.0 --port 8000 --processes 4"),
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
@option(
    "--processes",
    twin="QWENQ_SERVE_PROCESSES",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="How many processes answer requests.",
)
@option(
    "--tls-certificate",
    twin="QWENQ_SERVE_TLS_CERTIFICATE",
    type=click.Path(path_type=Path),
    help="Speak TLS, with the certificate of this file, and of those that signed it.",
)
@option(
    "--tls-key",
    twin="QWENQ_SERVE_TLS_KEY",
    type=click.Path(path_type=Path),
    help="The file of its private key [default: the same file].",
)
@option("--root-path", twin="QWENQ_SERVE_ROOT_PATH", help="The path of the service behind a proxy.")
@option(
    "--proxies",
    twin="QWENQ_SERVE_PROXIES",
    metavar="NETWORKS",
    help="Addresses of proxies before the service, whose X-Forwarded-For and -Proto it believes.",
)
@model_option
@log_options
def command(
    address: str,
    port: int,
    processes: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    root_path: str | None,
    proxies: str | None,
    **options: Any,
) -> int:
    """Serve OpenAI's Files and Batches over HTTP, under /v1, for the `openai` package and its like.

    Without keys, it listens on loopback only, and everybody on this machine is the tenant `local`. As soon as there is
    a key (`qwenq keys create`), each request needs one. Several may serve one store.
    """
    from qwenq.schemas.settings import load_settings

    settings = load_settings(**options)
    try:
        from qwenq.server.listening.serving import Serving, serve
    except ImportError:
        from qwenq.schemas.errors import MissingExtra
        from qwenq.schemas.machine.installation import with_extra

        raise MissingExtra(what="qwenq serve", requirement=with_extra("serve")) from None
    serving = Serving.of(address, port, root_path, processes, proxies, tls_certificate, tls_key)
    with logged(settings):
        serve(settings, serving)
    return 0
