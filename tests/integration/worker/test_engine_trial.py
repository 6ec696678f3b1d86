"""A worker without a job tries the engine's libraries, and leaves if they are broken."""

from collections.abc import Iterator
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


def break_engine(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[Settings]:
    """Let each trial raise the error. Returns the settings of those that were begun."""
    begun: list[Settings] = []

    def try_device(settings: Settings) -> None:
        begun.append(settings)
        raise error

    monkeypatch.setattr(engine_trial, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(engine_trial, "engine_kind", lambda _model: SimpleNamespace(try_device=try_device))
    return begun


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
    starts: Starts, settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    begun = break_engine(monkeypatch, error)
    trial = EngineTrial(settings, starts)
    assert said in str(eventually(trial.why_hopeless, "the trial ends"))
    assert len(begun) == 1


def test_no_trial_begins_beside_a_process_that_loads_the_model(
    starts: Starts, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = break_engine(monkeypatch, EngineBroken("it takes the memory of both"))
    trial = EngineTrial(settings, starts)
    (starts.folder / "17").touch()
    assert [trial.why_hopeless() for _ in range(3)] == [None] * 3
    assert begun == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_with_a_broken_engine_leaves_and_says_why(
    store: Store, broker: Broker, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_engine(monkeypatch, EngineBroken("ImportError: torch"))
    signals: list[int] = []
    monkeypatch.setattr("os.kill", lambda _pid, sent: signals.append(sent))
    worker_id = make_worker(store)
    with housekeeping.Housekeeping(store, broker, settings, worker_id) as keeping:
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
