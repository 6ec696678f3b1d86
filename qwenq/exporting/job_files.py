"""Writes a job's answers and failures from the store into files."""

from sqlalchemy import Connection

from qwenq.exporting.destinations import Address
from qwenq.exporting.files import write_errors, write_results
from qwenq.store.views.answers.results import errors_of, results_of
from qwenq.store.views.jobs.details import job_details


def write_answers(connection: Connection, job_id: int, address: Address, *, csv_safe: bool = False) -> int:
    """Write a job's answers so far, with the columns of its JSON schema. Returns how many.

    Raises OutputNotWritable, MissingExtra.
    """
    details = job_details(connection, job_id)
    schema_text = details.params.response_format.schema_text if details else None
    return write_results(address, results_of(connection, job_id), schema_text, csv_safe=csv_safe)


def write_failures(connection: Connection, job_id: int, address: Address, *, csv_safe: bool = False) -> int:
    """Write a job's failed documents so far; without any, no file. Returns how many.

    Raises OutputNotWritable, MissingExtra.
    """
    return write_errors(address, errors_of(connection, job_id), csv_safe=csv_safe)
