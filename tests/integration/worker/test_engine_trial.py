"""A worker without a job tries the engine's libraries, and leaves if they are broken."""

from collections.abc import Iterator
from threading import Event
from types import SimpleNamespace

import pytest

from qwenq.schemas.errors import EngineBroken, InvalidSetting, ModelUnavailable
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.views.fleet.workers import find_worker
from qwenq.worker.parent import engine_trial, housekeeping
from qwenq.worker.parent.engine_trial import EngineTrial
from qwenq.worker.parent.starts import Starts
from tests.builders import make_worker
from tests.waiting import eventually


@pytest.fixture
def starts() -> Iterator[Starts]:
    starts = Starts()
    yield starts
    starts.close()


class Broken:
    """An engine whose trials raise an error; `begun` counts them."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.begun = 0

    def __call__(self, _settings: Settings) -> None:
        """Begin a trial."""
        self.begun += 1
        raise self.error


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trials begin at once."""
    monkeypatch.setattr(engine_trial, "WAIT_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EngineBroken("ImportError: torch"), "ImportError: torch"),
        (
            InvalidSetting(name="QWENQ_DEVICE", reason="there is no cuda:7"),
            "QWENQ_DEVICE: there is no cuda:7",
        ),
    ],
    ids=["a library", "a device"],
)
def test_a_broken_engine_is_found_once_without_a_job(
    starts: Starts, settings: Settings, error: Exception, said: str
) -> None:
    broken = Broken(error)
    ended = Event()
    trial = EngineTrial(settings, starts, broken, ended.set)
    assert said in str(eventually(trial.why_hopeless, "the trial ends"))
    assert ended.wait(60)
    assert broken.begun == 1


def test_no_trial_begins_beside_a_process_that_loads_the_model(starts: Starts, settings: Settings) -> None:
    broken = Broken(EngineBroken("it takes the memory of both"))
    trial = EngineTrial(settings, starts, broken, lambda: None)
    (starts.folder / "17").touch()
    assert [trial.why_hopeless() for _ in range(3)] == [None] * 3
    assert broken.begun == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_with_a_broken_engine_leaves_and_says_why(
    store: Store, broker: Broker, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken(EngineBroken("ImportError: torch"))
    signals: list[int] = []
    monkeypatch.setattr("os.kill", lambda _pid, sent: signals.append(sent))
    worker_id = make_worker(store)
    with housekeeping.Housekeeping(store, broker, settings, worker_id, broken) as keeping:
        keeping._idle_watch.consumer = SimpleNamespace(
            pool=SimpleNamespace(_pool=SimpleNamespace(on_process_down=None))
        )
        eventually(lambda: keeping.refusal, "it leaves")
        assert isinstance(keeping.refusal, ModelUnavailable)
    with store.reading() as connection:
        worker = find_worker(connection, worker_id)
    assert worker is not None
    assert "ImportError: torch" in str(worker.failure)
    assert signals
