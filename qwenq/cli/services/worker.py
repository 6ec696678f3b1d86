"""`qwenq worker`: answer documents with one resident model."""

import os
from typing import Any

import click

from qwenq.cli.options.log import log_options, logged
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import loading_options, model_option, option


@click.command(name="worker", cls=Command, examples=("qwenq worker --model Qwen/Qwen3-8B --device cuda:1",))
@model_option
@loading_options
@option("--batch-rows", type=int, help="Most documents generated at once [default: 256; on a CPU 32].")
@option("--batch-tokens", type=int,
        help="Most prompt and answer tokens at once [default: as free memory allows].")  # fmt: skip
@log_options
def command(**options: Any) -> int:
    """Load a model, and answer documents with it until Ctrl-C or TERM.

    One worker uses one device: start one for each. A worker that stops gives back what it has not answered.
    """
    from qwenq.actions.request import model_of
    from qwenq.schemas.settings import load_settings
    from qwenq.store.database.opening import open_store
    from qwenq.worker.engines.factory import check_model, try_engine

    settings = load_settings(**options)
    settings = settings.model_copy(update={"model": model_of(settings)})
    check_model(settings.model or "", settings)
    open_store(settings).close()
    # The working process reads the environment, so the options must be there too.
    given = {name: getattr(settings, name) for name, value in options.items() if value is not None}
    os.environ.update({f"QWENQ_{name.upper()}": str(value) for name, value in given.items()})
    os.environ["QWENQ_MODEL"] = settings.model or ""
    from qwenq.worker.parent.command import run_worker

    with logged(settings):
        run_worker(settings, try_engine)
    return 0
