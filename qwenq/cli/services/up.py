"""`qwenq up`: run the embedded services until Ctrl-C."""

from typing import Any

import click

from qwenq.cli.options.log import log_options, logged
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import loading_options, model_option, option


@click.command(name="up", cls=Command, examples=("qwenq up --model Qwen/Qwen3-8B",))
@model_option
@loading_options
@option(
    "--port",
    twin="QWENQ_FLOWER_PORT",
    type=click.IntRange(0, 65_535),
    default=5555,
    show_default=True,
    help="Flower's port.",
)
@log_options
def command(port: int, **options: Any) -> int:
    """Run Redis, a worker, beat and Flower in the home folder until Ctrl-C.

    Meanwhile, use `qwenq submit` in another terminal, in the same folder.
    """
    from qwenq.cli.options.settings import about_file, about_home
    from qwenq.embedded.up import keep_services
    from qwenq.schemas.settings import load_settings
    from qwenq.wording.output import say

    settings = load_settings(**options)
    if settings.log_format == "text":
        for sentence in (*about_file(), *about_home(settings)):
            say(sentence)
        keep_services(settings, port)
        return 0
    with logged(settings):
        keep_services(settings, port)
    return 0
