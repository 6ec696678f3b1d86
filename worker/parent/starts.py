"""Working processes that die before they are ready: why, and when to give up."""

import os
import shutil
import signal
from pathlib import Path
from tempfile import mkdtemp

from qwenq.worker.parent.environment import READY, START_FOLDER_VARIABLE
from qwenq.worker.start_errors import last_words, with_advice

MOST_KILLED = 2
"""Starts in a row that SIGKILL may end: the kernel sends it for lack of memory, which may pass."""
MOST_UNBEGUN = 3
"""Processes in a row that may end before they begin to load."""
KILLED = (
    f"the process that loads it was killed {MOST_KILLED} times (SIGKILL), as the kernel does when memory runs out: "
    "take a smaller model, or give the machine or its container more memory"
)


class Starts:
    """The `folder` of the notes that working processes leave while they start; reads those of the dead."""

    def __init__(self) -> None:
        self.folder = Path(mkdtemp(prefix="qwenq-start-"))
        os.environ[START_FOLDER_VARIABLE] = str(self.folder)
        self._killed = self._unbegun = 0

    def close(self) -> None:
        """Remove the folder."""
        os.environ.pop(START_FOLDER_VARIABLE, None)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def begun(self) -> bool:
        """Whether a working process loads the model, or has loaded it."""
        return any(self.folder.iterdir())

    def why_hopeless(self, pid: int, code: int) -> str | None:
        """Why another process need not be started after this one, which ended with `code` (negative: a signal).

        None: it had started, or another may do better.
        """
        ready = self.folder / f"{pid}{READY}"
        if ready.exists():
            ready.unlink()
            self._killed = self._unbegun = 0
            return None
        note = self.folder / str(pid)
        if not note.exists():
            self._unbegun += 1
            if self._unbegun < MOST_UNBEGUN:
                return None
            return (
                f"{MOST_UNBEGUN} processes in a row ended before they could load it; the last {_ended(code)}"
            )
        words = with_advice(last_words(note.read_bytes().decode(errors="replace")))
        note.unlink()
        if code == -signal.SIGKILL:
            self._killed += 1
            return None if self._killed < MOST_KILLED else KILLED
        said = f"; its last words: {words}" if words else ""
        return f"the process that loads it {_ended(code)}{said}"


def _ended(code: int) -> str:
    return f"crashed ({signal.Signals(-code).name})" if code < 0 else f"ended with exit code {code}"
