"""`qwenq flower`: watch the tasks in a browser."""

import click

from qwenq.cli.options import option


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
def command(port: int, address: str) -> int:
    """Start Flower, which shows workers and tasks. Tasks carry ids only, never a document.

    QWENQ_FLOWER_AUTH=user:password guards it; without, it listens on loopback only.
    """
    from qwenq.flower import run_flower
    from schemas.settings import load_settings

    run_flower(load_settings(), address, port)
    return 0
