"""The fleet's page: each worker's condition now, and its last hour."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection
from tornado.web import HTTPError

from qwenq.monitor.pages.line_plots import LinePlot, speed_plots
from qwenq.monitor.pages.page import Page
from qwenq.monitor.pages.worker_view import WorkerView
from qwenq.schemas.views.fleet import FleetWorker, WorkerCondition
from qwenq.store.views.fleet.fleet import Fleet, read_fleet
from qwenq.store.views.fleet.speeds import speeds_by_minute

EARLIER_WORKERS = 50
PARTS = ("workers", "speeds")


@dataclass(frozen=True, slots=True)
class FleetFound:
    """What the page shows. `speeds`: plots of the workers that generated something in the last hour."""

    workers: list[WorkerView]
    earlier: list[WorkerView]
    earlier_count: int
    speeds: list[tuple[FleetWorker, list[LinePlot]]]

    @property
    def in_words(self) -> str:
        """The number of workers in each condition, such as `2 busy, 1 idle`."""
        counted = Counter(view.worker.condition for view in self.workers)
        return ", ".join(
            f"{counted[condition]} {condition}" for condition in WorkerCondition if counted[condition]
        )


class FleetPage(Page):
    """GET /fleet. `?part=` names a live part of the page."""

    async def get(self) -> None:
        """Show the fleet, or one live part."""
        part = self.get_query_argument("part", "")
        if self.wants_live_part and part not in PARTS:
            raise HTTPError(404, "The fleet's page has no such part.")
        name = f"fleet_{part}" if self.wants_live_part else "fleet"
        find = find_fleet if name == "fleet_workers" else find_fleet_with_speeds
        self.show(name, found=await self.application.reader.read(find))


def find_fleet(connection: Connection) -> FleetFound:
    """Read the fleet as it is now."""
    return _found(read_fleet(connection, EARLIER_WORKERS), [])


def find_fleet_with_speeds(connection: Connection) -> FleetFound:
    """Read the fleet as it is now, and its last hour."""
    fleet = read_fleet(connection, EARLIER_WORKERS)
    measured = speeds_by_minute(connection, [worker.id for worker in fleet.workers])
    speeds = [
        (worker, speed_plots(worker.id, measured[worker.id]))
        for worker in fleet.workers
        if worker.id in measured
    ]
    return _found(fleet, speeds)


def _found(fleet: Fleet, speeds: list[tuple[FleetWorker, list[LinePlot]]]) -> FleetFound:
    return FleetFound(
        [WorkerView(worker) for worker in fleet.workers],
        [WorkerView(worker) for worker in fleet.earlier],
        fleet.earlier_count,
        speeds,
    )
