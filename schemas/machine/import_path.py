"""Where Python imports from: never from the working folder, which may hold files of somebody else.

It imports nothing that is not loaded already, since it runs before the working folder is left out.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # noqa: PTH100, PTH120 - pathlib may not be loaded
"""The folder that holds the package qwenq."""


def leave_working_folder_out() -> None:
    """Import nothing from the working folder from now on, in this process and in its children."""
    entries = _entries(os.environ)
    os.environ.update(safe_variables(os.environ))
    here = os.getcwd()  # noqa: PTH109
    doomed = [os.path.abspath(entry) for entry in entries if not os.path.isabs(entry)]  # noqa: PTH100, PTH117
    if not sys.flags.safe_path and sys.path[:1] in ([""], [here]) and here not in entries:
        doomed.append(sys.path[0])  # by `python -m qwenq`
    for entry in doomed:
        if entry in sys.path and entry != _PACKAGE and not _is_of_python(entry):
            sys.path.remove(entry)


def safe_variables(environment: "Mapping[str, str]") -> dict[str, str]:
    """Variables that keep a Python process from importing from its working folder.

    An entry of PYTHONPATH that is empty or relative means the working folder, or one in it. If qwenq was found
    through such an entry, its folder stays.
    """
    entries = _entries(environment)
    kept = [entry for entry in entries if os.path.isabs(entry)]  # noqa: PTH117
    if len(kept) < len(entries) and _PACKAGE in map(os.path.abspath, entries) and _PACKAGE not in kept:
        kept.append(_PACKAGE)
    changed = {"PYTHONPATH": os.pathsep.join(kept)} if entries else {}
    return {"PYTHONSAFEPATH": "1", **changed}


def _entries(environment: "Mapping[str, str]") -> list[str]:
    """The entries of PYTHONPATH; Python ignores it when it is empty."""
    value = environment.get("PYTHONPATH")
    return value.split(os.pathsep) if value else []


def _is_of_python(entry: str) -> bool:
    """Whether Python's own library is there: somebody works in its folder."""
    return any(entry.startswith(os.path.join(prefix, "lib")) for prefix in (sys.prefix, sys.base_prefix))  # noqa: PTH118
