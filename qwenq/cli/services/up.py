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
@option(
    "--serve-port",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="The port of OpenAI's API.",
)
@log_options
def command(port: int, serve_port: int, **options: Any) -> int:
    """Run Redis, a worker, beat, Flower and the HTTP service in the home folder until Ctrl-C.

    Meanwhile, use `qwenq submit` in another terminal, in the same folder, or a client of OpenAI's API. Its key is
    made by the first `qwenq up`, and kept in the home folder, in the file `api-key`.
    """
    from qwenq.cli.options.settings import about_file, about_home
    from qwenq.embedded.up import keep_services
    from qwenq.schemas.settings import load_settings
    from qwenq.wording.output import say

    settings = load_settings(**options)
    if settings.log_format == "text":
        for sentence in (*about_file(), *about_home(settings)):
            say(sentence)
        keep_services(settings, port, serve_port)
        return 0
    with logged(settings):
        keep_services(settings, port, serve_port)
    return 0
