"""Writes a job's answers and failures from the store into files, on request with columns of the documents."""

from itertools import islice

from sqlalchemy import Connection

from qwenq.exporting.destinations import Address
from qwenq.exporting.files import (
    check_keeps,
    errors_format,
    write_if_any,
    write_lines,
    write_stdout,
    writer_for,
)
from qwenq.exporting.kept_columns import CHECKED_ROWS, check_kept, table_columns, with_columns, with_members
from qwenq.exporting.openai_lines import as_openai
from qwenq.exporting.plain_text import as_jsonl, write_jsonl
from qwenq.exporting.sheets import ERRORS, OwnLine, Sheet, results_sheet
from qwenq.exporting.style import PLAIN, FileStyle, KeepColumns
from qwenq.schemas.errors import OutputNotWritable
from qwenq.schemas.results import OutputFormat, Result
from qwenq.store.views.answers.results import errors_of, results_of
from qwenq.store.views.answers.stored_rows import all_stored_rows
from qwenq.store.views.jobs.details import job_details


def write_answers(connection: Connection, job_id: int, address: Address, style: FileStyle = PLAIN) -> int:
    """Write a job's answers so far, with the columns of its JSON schema. Returns how many.

    Raises OutputNotWritable, MissingExtra.
    """
    chosen = style.output_format
    sheet = _beside_columns(connection, job_id, address, sheet_of_job(connection, job_id), style, chosen)
    lines = results_of(connection, job_id, with_rows=style.keep_columns is not None)
    return write_lines(address, lines, sheet, style, chosen)


def write_failures(connection: Connection, job_id: int, address: Address, style: FileStyle = PLAIN) -> int:
    """Write a job's failed documents so far; without any, no file. Returns how many.

    Raises OutputNotWritable, MissingExtra.
    """
    chosen = errors_format(address, style)
    sheet = _beside_columns(connection, job_id, address, ERRORS, style, chosen)
    lines = errors_of(connection, job_id, with_rows=style.keep_columns is not None)
    return write_if_any(address, lines, sheet, style, chosen)


def print_answers(connection: Connection, job_id: int, style: FileStyle = PLAIN) -> int:
    """Write a job's answers so far as JSONL, or in OpenAI's shape, to standard output. Returns how many.

    Raises OutputNotWritable for another format.
    """
    keep, chosen = style.keep_columns, style.output_format
    if chosen not in {None, OutputFormat.JSONL, OutputFormat.OPENAI}:
        raise OutputNotWritable(path="standard output", reason=f"{chosen} needs a file: name one with -o")
    lines = results_of(connection, job_id, with_rows=keep is not None)
    if chosen is OutputFormat.OPENAI:
        check_keeps("standard output", keep, chosen)
        return write_stdout(as_openai(lines))
    sheet = sheet_of_job(connection, job_id, keep)
    return write_stdout(as_jsonl((line,), sheet) for line in lines)


def check_kept_of_job(connection: Connection, job_id: int, keep: KeepColumns) -> None:
    """Raise InvalidParameter if the job's first documents lack one of the columns to keep."""
    if keep is not None:
        check_kept(keep, islice(all_stored_rows(connection, job_id), CHECKED_ROWS))


def sheet_of_job(connection: Connection, job_id: int, keep: KeepColumns = None) -> Sheet[Result]:
    """The table of a job's answers, whose lines have members for the columns of the input to keep."""
    details = job_details(connection, job_id)
    sheet = results_sheet(details.params.response_format.schema_text if details else None)
    return sheet if keep is None else with_members(sheet, keep)


def _beside_columns(
    connection: Connection,
    job_id: int,
    address: Address,
    sheet: Sheet[OwnLine],
    style: FileStyle,
    chosen: OutputFormat | None,
) -> Sheet[OwnLine]:
    """The sheet with the columns of the documents that go along."""
    keep = style.keep_columns
    if keep is None:
        return sheet
    check_keeps(address, keep, chosen)
    if writer_for(address, chosen) is write_jsonl:
        return with_members(sheet, keep)
    # A table needs its columns before its first row.
    rows = all_stored_rows(connection, job_id)
    return with_columns(sheet, table_columns(address, keep, sheet.taken, rows))
