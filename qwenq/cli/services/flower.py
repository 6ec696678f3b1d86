"""`qwenq flower`: watch jobs, workers and tasks in a browser."""

from typing import Any

import click

from qwenq.cli.options.log import log_options, logged
from qwenq.cli.options.shared import option


@click.command(name="flower")
@option(
    "--port", type=click.IntRange(0, 65_535), default=5555, show_default=True, help="The port to listen on."
)
@option(
    "--address",
    twin="QWENQ_FLOWER_ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on.",
)
@option(
    "--read-only",
    twin="QWENQ_FLOWER_READ_ONLY",
    is_flag=True,
    help="Show everything, change nothing: pages cannot cancel, pause, resume or retry jobs.",
)
@log_options
def command(port: int, address: str, read_only: bool, **options: Any) -> int:
    """Start Flower, which shows jobs, workers and tasks in a browser. Tasks carry ids only, never a document.

    QWENQ_FLOWER_AUTH=user:password protects it; without it, Flower listens on loopback only. QWENQ_SHOW_TEXT=false
    hides documents and answers.
    """
    from qwenq.schemas.settings import load_settings

    settings = load_settings(**options)
    from qwenq.monitor.service import Serving, run_flower

    with logged(settings):
        run_flower(settings, Serving(address, port, read_only))
    return 0
