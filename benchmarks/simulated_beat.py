"""A beat with simulated time: each line of standard input is a moment; it ticks once and prints `done`.

Made for benchmarks/scheduled_week.py, which kills it in the middle of ticks.
"""

import sys
from datetime import datetime

from qwenq.schemas.errors import ServiceAway
from qwenq.schemas.settings import settings_of_process
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store


def main() -> None:
    """Tick until standard input ends."""
    from qwenq.schedules.ticking import tick

    settings = settings_of_process()
    store, broker = Store.of(settings), Broker(settings)
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            tick(store, broker, settings, datetime.fromisoformat(line.strip()))
        except ServiceAway as away:
            print(away, file=sys.stderr, flush=True)
        print("done", flush=True)


if __name__ == "__main__":
    main()
