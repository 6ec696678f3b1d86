"""Reading and planning import neither torch nor transformers, and Jinja2 only for a template."""

import subprocess
import sys

import pytest

from tests.rooms import loaded

HEAVY = (
    "torch", "transformers", "celery", "jinja2", "zstandard",
    "fsspec", "pyarrow", "openpyxl", "lxml", "pypdfium2", "charset_normalizer",
)  # fmt: skip


@pytest.mark.parametrize(
    "module",
    ["qwenq.producer.reading", "qwenq.producer.planning", "qwenq.producer.opening", "qwenq.producer.preview"],
)
def test_modules_of_the_producer_import_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_reader_process_waits_for_no_library_before_it_sees_a_file() -> None:
    assert loaded("import qwenq.producer.reading.serving", (*HEAVY, "pydantic", "sqlalchemy")) == []
