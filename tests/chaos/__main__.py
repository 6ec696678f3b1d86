"""`make chaos`: long runs from a seed, and a report of the faults and of each promise."""

import shutil
import sys
import tempfile
from pathlib import Path

import click

from benchmarks.services import forget_environment
from tests.chaos.audit.table import tell
from tests.chaos.plan import draw_plan
from tests.chaos.run import LONG, SHORT, Outcome, play

FAULTS_A_MINUTE = 16.0
LONG_MINUTES = 2.0
DATABASES = ("sqlite", "postgresql")


@click.command()
@click.option("--minutes", default=30.0, help="How long there are faults, over all databases.")
@click.option("--seed", default=1, help="The same seed gives the same plan.")
@click.option("--database", type=click.Choice([*DATABASES, "both"]), default="both")
def main(minutes: float, seed: int, database: str) -> None:
    """Kill, stop and cut off workers, producers and servers, then audit the store.

    Exit code 1 when a promise was broken. Then the folder with all logs and the store is kept, and its path printed.
    """
    forget_environment()
    databases = DATABASES if database == "both" else (database,)
    folder = Path(tempfile.mkdtemp(prefix="qwenq-chaos-run-"))
    click.echo(f"seed {seed}; logs are in {folder} meanwhile")
    outcomes = [_play(folder / name, name, seed, minutes / len(databases)) for name in databases]
    met = [one for outcome in outcomes for one in outcome.evidence.met if not one.missed]
    broken = sum(len(outcome.violations) for outcome in outcomes)
    click.echo(f"\n{len(met)} faults over {' and '.join(databases)}; {broken} broken promises")
    if broken:
        click.echo(f"the evidence is in {folder}")
        sys.exit(1)
    shutil.rmtree(folder)


def _play(folder: Path, database: str, seed: int, minutes: float) -> Outcome:
    size = LONG if minutes >= LONG_MINUTES else SHORT
    plan = draw_plan(seed, database, minutes * 60, FAULTS_A_MINUTE, workers=size.workers)
    outcome = play(folder, database, seed, plan, size)
    report = tell(outcome)
    (folder / "report.txt").write_text(report)
    click.echo(report)
    return outcome


if __name__ == "__main__":
    main()
