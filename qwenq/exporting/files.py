"""Writes answers, errors, history and parts of a job in a given format, or in that of the file's ending."""

import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path, PurePath

from qwenq.exporting.destinations import Address, destination_of
from qwenq.exporting.excel import CannotHold, require_xlsxwriter, write_excel
from qwenq.exporting.formulas import without_formulas
from qwenq.exporting.openai_lines import OPENAI_ENDING, write_openai
from qwenq.exporting.parquet import require_pyarrow, write_parquet
from qwenq.exporting.plain_text import write_csv, write_jsonl
from qwenq.exporting.sheets import ERRORS, HISTORY, PARTS, Line, Sheet, results_sheet
from qwenq.exporting.style import PLAIN, FileStyle, KeepColumns
from qwenq.producer.object_stores import checked_name
from qwenq.producer.reading.sources.matching import finds
from qwenq.schemas.errors import OutputNotWritable
from qwenq.schemas.log.visible import visible_json
from qwenq.schemas.parts import PartLine
from qwenq.schemas.results import ErrorLine, HistoryLine, OutputFormat, Result

_WRITERS: dict[OutputFormat, Callable[..., int]] = {
    OutputFormat.JSONL: write_jsonl,
    OutputFormat.CSV: write_csv,
    OutputFormat.PARQUET: write_parquet,
    OutputFormat.XLSX: write_excel,
    OutputFormat.OPENAI: write_openai,
}
_ENDINGS = {
    OPENAI_ENDING: OutputFormat.OPENAI,
    ".jsonl": OutputFormat.JSONL,
    ".ndjson": OutputFormat.JSONL,
    ".csv": OutputFormat.CSV,
    ".parquet": OutputFormat.PARQUET,
    ".xlsx": OutputFormat.XLSX,
}
_REQUIRED: dict[Callable[..., int], Callable[[], None]] = {
    write_parquet: require_pyarrow,
    write_excel: require_xlsxwriter,
}


def errors_path(results: Address, output_format: OutputFormat | None = None) -> str:
    """The default path for errors: `out.errors.jsonl` for `out.jsonl`, `out.errors.openai.jsonl` in OpenAI's shape."""
    named_openai = (name := str(results)).lower().endswith(OPENAI_ENDING)
    if named_openai and output_format in {None, OutputFormat.OPENAI}:
        return f"{name[: -len(OPENAI_ENDING)]}.errors{OPENAI_ENDING}"
    return f"{name.removesuffix(PurePath(results).suffix)}.errors.jsonl"


def check_outputs(
    outputs: Sequence[Address],
    inputs: Sequence[str] = (),
    style: FileStyle = PLAIN,
    answers: Address | None = None,
    *,
    trying: bool = True,
) -> None:
    """Check that each output can be written (if `trying`), and that it is no input and no other output.

    `answers` is the output whose format the style may name. Raises OutputNotWritable, and MissingExtra if a package is
    not installed.
    """
    if answers is not None:
        check_keeps(answers, style.keep_columns, style.output_format)
    taken = {str(Path(name).resolve()): "it is an input" for name in inputs} | dict.fromkeys(
        inputs, "it is an input"
    )
    for address in outputs:
        _REQUIRED.get(writer_for(address, style.output_format if address == answers else None), _nothing)()
        destination = destination_of(address)
        if reason := taken.get(destination.place):
            raise OutputNotWritable(path=str(address), reason=reason)
        taken[destination.place] = "answers and errors need separate files"
        if trying:
            destination.check()


def check_not_read(outputs: Sequence[Address], names: Sequence[str]) -> None:
    """Check that no input finds an output: the next run would read answers as documents. Raises OutputNotWritable.

    `names` are the inputs as the person gave them: files, folders, patterns, URLs.
    """
    for address in outputs:
        name = next((one for one in names if finds(checked_name(one), checked_name(str(address)))), None)
        if name is not None:
            reason = (
                f"the input {name} covers this place, so that it would be read as a document; "
                "write it into a folder that is no input"
            )
            raise OutputNotWritable(path=str(address), reason=reason)


def write_results(
    address: Address, results: Iterable[Result], schema_text: str | None = None, style: FileStyle = PLAIN
) -> int:
    """Write results in the style's format. Returns how many. Raises OutputNotWritable, MissingExtra.

    In CSV, Parquet and Excel, the top-level properties of the job's JSON schema are columns. Columns of the input go
    along in `write_answers` alone, which knows the documents; this holds for errors, too.
    """
    return write_lines(address, results, results_sheet(schema_text), style, style.output_format)


def write_errors(address: Address, errors: Iterable[ErrorLine], style: FileStyle = PLAIN) -> int:
    """Write errors in the format of the address's ending. Returns how many. Raises OutputNotWritable, MissingExtra.

    Without errors no file is written, and an old file at the address is removed.
    """
    return write_if_any(address, errors, ERRORS, style, errors_format(address, style))


def write_history(address: Address, history: Iterable[HistoryLine], style: FileStyle = PLAIN) -> int:
    """Write failures of earlier rounds, like errors. Returns how many."""
    return write_if_any(address, history, HISTORY, style)


def write_parts(address: Address, parts: Iterable[PartLine], style: FileStyle = PLAIN) -> int:
    """Write answers to parts of long documents, like errors. Returns how many."""
    return write_if_any(address, parts, PARTS, style)


def write_stdout(lines: Iterable[str]) -> int:
    """Write lines of JSON to standard output; on a terminal with control characters as escapes. Returns how many."""
    count = 0
    is_terminal = sys.stdout.isatty()
    for text in lines:
        sys.stdout.write(visible_json(text) if is_terminal else text)
        count += 1
    return count


def check_keeps(address: Address, keep: KeepColumns, output_format: OutputFormat | None) -> None:
    """Raise OutputNotWritable if columns of the input go along and the format has no place for them."""
    if keep is not None and writer_for(address, output_format) is write_openai:
        reason = "OpenAI's shape has no place for --keep-columns; write another .jsonl"
        raise OutputNotWritable(path=str(address), reason=reason)


def errors_format(errors: Address, style: FileStyle) -> OutputFormat | None:
    """OpenAI's shape for errors in JSONL if the answers are to have it; else None: the ending decides."""
    is_openai = style.output_format is OutputFormat.OPENAI
    return OutputFormat.OPENAI if is_openai and writer_for(errors) is write_jsonl else None


def writer_for(address: Address, output_format: OutputFormat | None = None) -> Callable[..., int]:
    """The function that writes a format, by default that of the address's ending. Raises OutputNotWritable."""
    name = str(address).lower()
    ending = next((ending for ending in _ENDINGS if name.endswith(ending)), None)
    if output_format is None and ending is None:
        reason = "its name must end in .jsonl, .csv, .parquet or .xlsx; or say --output-format"
        raise OutputNotWritable(path=str(address), reason=reason)
    return _WRITERS[output_format or _ENDINGS[ending or ""]]


def write_if_any(
    address: Address,
    lines: Iterable[Line],
    sheet: Sheet[Line],
    style: FileStyle,
    output_format: OutputFormat | None = None,
) -> int:
    """Write lines as `write_lines` does. Without lines no file is written, and an old one is removed."""
    writer_for(address, output_format)
    coming = iter(lines)
    first = next(coming, None)
    if first is None:
        destination_of(address).remove()
        return 0
    return write_lines(address, chain((first,), coming), sheet, style, output_format)


def write_lines(
    address: Address,
    lines: Iterable[Line],
    sheet: Sheet[Line],
    style: FileStyle,
    output_format: OutputFormat | None = None,
) -> int:
    """Write lines in a format, by default that of the address's ending. Returns how many.

    Raises OutputNotWritable, MissingExtra.
    """
    write = writer_for(address, output_format)
    is_csv = write is write_csv
    if style.csv_safe and is_csv:
        sheet = without_formulas(sheet)
    with destination_of(address).writing() as output:
        if style.bom and is_csv:
            output.write(BOM_UTF8)
        try:
            return write(lines, sheet, output)
        except CannotHold as error:
            raise OutputNotWritable(path=str(address), reason=error.reason) from None


def _nothing() -> None:
    """Require nothing."""
