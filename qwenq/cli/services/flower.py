"""`qwenq flower`: watch jobs, workers and tasks in a browser."""

import sys
from typing import Any

import click

from qwenq.cli.options.log import log_options, logged
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import option


@click.command(name="flower", cls=Command, examples=("qwenq flower", "qwenq flower --url"))
@option(
    "--port",
    twin="QWENQ_FLOWER_PORT",
    type=click.IntRange(0, 65_535),
    default=5555,
    show_default=True,
    help="The port to listen on.",
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
    help="Let nobody act: pages cannot cancel, pause, resume or retry jobs.",
)
@click.option("--url", is_flag=True, help="Print the address of the running Flower for its owner, and end.")
@click.option(
    "--hash-password", is_flag=True, help="Ask for a password, print its hash for the settings, and end."
)
@log_options
def command(port: int, address: str, read_only: bool, url: bool, hash_password: bool, **options: Any) -> int:
    """Start Flower, which shows jobs, workers and tasks in a browser. Tasks carry ids only, never a document.

    Without QWENQ_FLOWER_AUTH=user:password, Flower listens on loopback only, and its address has a token that is kept
    in the home folder. QWENQ_FLOWER_VIEWERS may look, but not act. QWENQ_SHOW_TEXT=false hides documents and answers.
    """
    if hash_password:
        return _print_hash()
    from qwenq.schemas.settings import load_settings

    settings = load_settings(**options)
    if url:
        from qwenq.access.owner_token import kept_address

        click.echo(kept_address(settings.home))
        return 0
    from qwenq.monitor.service import Serving, run_flower

    with logged(settings):
        run_flower(settings, Serving(address, port, read_only))
    return 0


def _print_hash() -> int:
    """Ask on a terminal, or read the first line of standard input."""
    from qwenq.access.passwords import LEAST_CHARACTERS, hash_password

    at_terminal = sys.stdin.isatty()
    password = (
        click.prompt("Password", hide_input=True, err=True)
        if at_terminal
        else sys.stdin.readline().rstrip("\r\n")
    )
    if len(password) < LEAST_CHARACTERS or not password.isascii() or " " in password:
        click.echo(
            f"qwenq: a password needs {LEAST_CHARACTERS} ASCII characters or more, without spaces", err=True
        )
        return 2
    click.echo(hash_password(password))
    return 0
