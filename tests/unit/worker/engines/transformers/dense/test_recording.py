"""The recorder of the tests is as strict as CUDA graphs: what it accepts can be recorded on a GPU."""

from collections.abc import Callable

import pytest
import torch

from tests.recorded_operations import Recorder

Function = Callable[[torch.Tensor], torch.Tensor]
NUMBERS = torch.tensor([1.0, 2.0, 3.0])


def by_value(numbers: torch.Tensor) -> torch.Tensor:
    return numbers * 2 if float(numbers.sum()) > 0 else numbers


def by_mask(numbers: torch.Tensor) -> torch.Tensor:
    return numbers[numbers > 1]


def into_mask(numbers: torch.Tensor) -> torch.Tensor:
    numbers[numbers > 1] = torch.zeros(2)
    return numbers


def by_places(numbers: torch.Tensor) -> torch.Tensor:
    return (numbers > 1).nonzero()


def from_python(numbers: torch.Tensor) -> torch.Tensor:
    return numbers + torch.tensor([1.0, 2.0, 3.0])


def to_another_device(numbers: torch.Tensor) -> torch.Tensor:
    return numbers.to("meta")


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize(
    "function", [by_value, by_mask, into_mask, by_places, from_python, to_another_device]
)
def test_the_recorder_refuses_what_a_graph_cannot_hold(function: Function, inference: bool) -> None:
    with torch.inference_mode(inference), pytest.raises(RuntimeError, match=r"wait|brings|between devices"):
        Recorder()(lambda: function(NUMBERS.clone()))


@pytest.mark.parametrize("inference", [False, True])
def test_a_replay_computes_with_its_tensors_current_contents(inference: bool) -> None:
    table, places, numbers = torch.zeros(4, 3), torch.tensor([1]), NUMBERS.clone()

    def function() -> torch.Tensor:
        table[places] = numbers.unsqueeze(0)
        weights = torch.softmax((table @ table.T).masked_fill(places == 2, -1.0), -1)
        return (weights @ table).reshape(2, 6).sum(0)

    with torch.inference_mode(inference):
        replay = Recorder()(function)
        for place in (1, 2, 0):
            places.fill_(place)
            numbers.mul_(1.5)
            given = replay().clone()
            kept = table.clone()
            assert torch.equal(kept[place], numbers)
            torch.testing.assert_close(given, function())


def test_a_recording_cannot_use_tensors_of_another() -> None:
    made: list[torch.Tensor] = []

    def first() -> torch.Tensor:
        made.append(NUMBERS * 2)
        return made[-1]

    Recorder()(first)
    assert Recorder()(lambda: made[-1] + NUMBERS)().isnan().all()


def test_recording_computes_nothing_before_the_first_replay() -> None:
    outcomes = []

    def function() -> torch.Tensor:
        outcomes.append(NUMBERS + 1)
        return outcomes[-1]

    Recorder()(function)
    assert outcomes[-1].isnan().all()
