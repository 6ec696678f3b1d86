"""A confined process: what it gives, what ends it, and what it cannot reach."""

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from qwenq.schemas.confined.limits import GIB, Limits
from qwenq.schemas.confined.process import ConfinedProcess
from qwenq.schemas.errors import ConfinedCallFailed, ConfinedProcessKilled, ConfinedProcessLate

SERVED = "tests.unit.schemas.confined.served"
MIB = 1024**2


pytestmark = pytest.mark.usefixtures("tests_importable")


@pytest.fixture
def process() -> Iterator[ConfinedProcess]:
    with ConfinedProcess(SERVED, Limits()) as process:
        yield process


@pytest.fixture
def hasty() -> Iterator[ConfinedProcess]:
    with ConfinedProcess(SERVED, Limits(seconds=0.5, memory_bytes=GIB // 2, answer_bytes=8 * MIB)) as process:
        yield process


def test_the_pieces_of_an_answer_come_one_by_one(process: ConfinedProcess) -> None:
    assert list(process.pieces(b"say one two")) == [b"one", b"two"]
    assert process.call(b"say one two") == b"onetwo"
    assert process.call(b"say") == b""


def test_a_long_request_and_its_answer_arrive_whole(process: ConfinedProcess) -> None:
    long = os.urandom(16).hex().encode() * MIB
    assert process.call(b"say " + long) == long


def test_calls_share_one_child(process: ConfinedProcess) -> None:
    assert process.call(b"process") == process.call(b"process")


def test_a_child_sees_no_secret_of_its_parent(
    process: ConfinedProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("QWENQ_DATABASE_URL", "PGPASSWORD", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "secret")
    names = set(process.call(b"environment").decode().split())
    python = {"PYTHONPATH", "PYTHONSAFEPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ"}
    assert names <= python | {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"}


@pytest.mark.parametrize("request_", [b"sleep", b"compute"])
def test_a_call_that_takes_too_long_is_killed_and_the_next_one_answered(
    hasty: ConfinedProcess, request_: bytes
) -> None:
    first = hasty.call(b"process")
    with pytest.raises(ConfinedProcessKilled, match=r"took longer than 0\.5 s"):
        hasty.call(request_)
    assert not psutil.pid_exists(int(first))
    assert hasty.call(b"process") != first


def test_a_call_that_wants_too_much_memory_is_ended(hasty: ConfinedProcess) -> None:
    assert hasty.call(b"memory 1000000") == b"1000000"
    with pytest.raises(ConfinedProcessKilled, match="needed more than 512 MiB"):
        hasty.call(b"memory 600000000")
    assert hasty.call(b"say again") == b"again"


def test_a_library_that_finds_no_room_for_itself_is_told_as_too_little_memory(hasty: ConfinedProcess) -> None:
    with pytest.raises(ConfinedProcessKilled, match="needed more than 512 MiB"):
        hasty.call(b"import libarrow.so: failed to map segment from shared object")


def test_a_call_that_gives_too_much_is_ended(hasty: ConfinedProcess) -> None:
    with pytest.raises(ConfinedProcessKilled, match="gave more than 8 MiB"):
        hasty.call(b"much")
    assert hasty.call(b"say again") == b"again"


@pytest.mark.parametrize(("request_", "words"), [(b"die", "SIGABRT"), (b"leave", "exit code 3")])
def test_a_crash_is_told_and_the_next_call_answered(
    process: ConfinedProcess, request_: bytes, words: str
) -> None:
    with pytest.raises(ConfinedProcessKilled, match=words):
        process.call(request_)
    assert process.call(b"say again") == b"again"


def test_an_error_in_the_child_is_told_and_costs_no_restart(process: ConfinedProcess) -> None:
    first = process.call(b"process")
    with pytest.raises(ConfinedCallFailed, match="no such page"):
        process.call(b"fail no such page")
    assert process.call(b"process") == first


def test_an_answer_that_is_not_read_to_its_end_does_not_reach_the_next_call(process: ConfinedProcess) -> None:
    pieces = process.pieces(b"say one two three")
    assert next(pieces) == b"one"
    del pieces
    assert process.call(b"say four") == b"four"


def test_what_a_library_prints_does_not_reach_the_answer(process: ConfinedProcess) -> None:
    assert process.call(b"print") == b"done"


def test_a_child_can_write_no_file(process: ConfinedProcess, tmp_path: Path) -> None:
    with pytest.raises((ConfinedCallFailed, ConfinedProcessKilled)):
        process.call(f"write {tmp_path}/file".encode())
    assert all(file.stat().st_size == 0 for file in tmp_path.iterdir())


def test_a_call_may_read_any_part_of_a_file_of_its_owner(process: ConfinedProcess) -> None:
    content = bytes(os.urandom(3 * MIB))
    pieces = list(process.pieces(b"read 2000000 7", io.BytesIO(content)))
    assert pieces == [content[2000000:2000010], content[7:17], content[-5:]]


def test_an_error_of_reading_the_file_ends_the_call_and_the_next_one_is_answered(
    process: ConfinedProcess,
) -> None:
    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(process.pieces(b"read 0", Broken(b"content")))
    assert process.call(b"say again") == b"again"


def test_each_piece_earns_more_time() -> None:
    with ConfinedProcess(SERVED, Limits(seconds=0.5, seconds_a_piece=0.5)) as process:
        assert process.call(b"slow 6") == b"x" * 6
        with pytest.raises(ConfinedProcessLate, match=r"took longer than 0\.5 s"):
            process.call(b"sleep")


def test_a_piece_earns_no_more_time_than_a_call_has() -> None:
    with ConfinedProcess(SERVED, Limits(seconds=0.5)) as process:
        began = time.monotonic()
        assert b"".join(process.begin(b"slow 3", seconds_a_piece=1e9)) == b"xxx"
        with pytest.raises(ConfinedProcessKilled, match=r"took longer than 0\.5 s"):
            list(process.begin(b"slow 3 sleep", seconds_a_piece=1e9))
        assert time.monotonic() - began < 30


def test_a_request_is_sent_before_its_answer_is_asked_for(process: ConfinedProcess) -> None:
    assert process.is_fresh
    begun = process.begin(b"say early")
    assert not process.is_fresh
    assert list(begun) == [b"early"]


def test_an_answer_that_nobody_asked_for_does_not_reach_the_next_call(process: ConfinedProcess) -> None:
    dropped = process.begin(b"say one")
    assert process.call(b"say two") == b"two"
    with pytest.raises(ConfinedProcessKilled):
        next(dropped)
    assert process.call(b"say three") == b"three"


def test_a_child_ends_with_an_owner_that_was_never_closed() -> None:
    process = ConfinedProcess(SERVED, Limits())
    child = int(process.call(b"process"))
    del process
    assert not psutil.pid_exists(child)


def test_time_that_the_reader_takes_between_pieces_does_not_count(hasty: ConfinedProcess) -> None:
    seen = []
    for piece in hasty.pieces(b"say one two three"):
        time.sleep(0.3)
        seen.append(piece)
    assert seen == [b"one", b"two", b"three"]


def test_a_child_ends_with_its_owner() -> None:
    with ConfinedProcess(SERVED, Limits()) as process:
        child = int(process.call(b"process"))
    assert not psutil.pid_exists(child)


def test_a_module_that_cannot_be_imported_is_told() -> None:
    with (
        ConfinedProcess("tests.no_such_module", Limits()) as process,
        pytest.raises(ConfinedProcessKilled, match="did not start"),
    ):
        process.call(b"")
