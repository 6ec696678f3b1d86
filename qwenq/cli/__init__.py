"""The command line: its entry point and exit codes."""

import gc
import sys

from qwenq.producer.signals import INTERRUPTED, Signals
from qwenq.schemas.machine.umask import keep_private

GC_OBJECTS = 50_000


def main() -> None:
    """Run a command.

    Exit codes: 0 done, 1 some documents failed, 2 bad usage or input, 3 a service is away,
    70 an unforeseen error, 130 interrupted.
    """
    # Imported modules stay: collecting garbage among them took a tenth of the start.
    gc.set_threshold(GC_OBJECTS)
    keep_private()
    signals = Signals()
    try:
        signals.install_for_process()
        code = _exit_code(signals)
        signals.end_with(code)
    except KeyboardInterrupt:  # another one, while the first was handled
        code = INTERRUPTED
        signals.end_with(code)
    sys.exit(code)


def _exit_code(signals: Signals) -> int:
    try:
        # Not at the top: signals must be handled before anything slow is imported.
        from qwenq.cli.group import run_command

        return run_command()
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError:
        if not signals.heard:
            raise
        return INTERRUPTED  # by a closed terminal, which takes no last word
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
