"""Writes results into JSONL, CSV, Parquet or Excel files, on disk or in an object store, whole or not at all."""

from qwenq.exporting.destinations import Address
from qwenq.exporting.files import (
    check_not_read,
    check_outputs,
    errors_path,
    write_errors,
    write_history,
    write_parts,
    write_results,
    write_stdout,
)
from qwenq.exporting.job_files import (
    check_kept_of_job,
    print_answers,
    sheet_of_job,
    write_answers,
    write_failures,
)
from qwenq.exporting.plain_text import as_csv, as_jsonl, csv_heading
from qwenq.exporting.sheets import (
    ERROR_COLUMNS,
    HISTORY_COLUMNS,
    RESULT_COLUMNS,
    RESULTS,
    results_sheet,
)
from qwenq.exporting.style import PLAIN, FileStyle, KeepColumns
from qwenq.schemas.results import OutputFormat

__all__ = [
    "ERROR_COLUMNS",
    "HISTORY_COLUMNS",
    "PLAIN",
    "RESULTS",
    "RESULT_COLUMNS",
    "Address",
    "FileStyle",
    "KeepColumns",
    "OutputFormat",
    "as_csv",
    "as_jsonl",
    "check_kept_of_job",
    "check_not_read",
    "check_outputs",
    "csv_heading",
    "errors_path",
    "print_answers",
    "results_sheet",
    "sheet_of_job",
    "write_answers",
    "write_errors",
    "write_failures",
    "write_history",
    "write_parts",
    "write_results",
    "write_stdout",
]
