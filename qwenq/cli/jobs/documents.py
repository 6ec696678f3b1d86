"""`qwenq documents`: list documents of a job, all or those that match conditions."""

import click

from qwenq.cli.options.completion import complete_jobs
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option, option


@click.command(
    name="documents",
    cls=Command,
    examples=("qwenq documents 7 --where text=refund --where state=failed", "qwenq documents 7 --where cut"),
)
@click.argument("job", type=int, shell_complete=complete_jobs)
@option("--where", multiple=True, metavar="CONDITION",
        help="What the documents must match; repeat it to narrow the search: id=ID (or a part of ids), text=PART of "
        "the document, answer=PART of the answer, code=CODE of its error, state=STATE, cut (the answer ended at "
        "max_new_tokens), empty (no text), reasoning_cut and reasoning_ended (why it is empty), reused.")  # fmt: skip
@option("--limit", type=click.IntRange(1), default=20, show_default=True,
        help="How many documents to show, in the order of the input.")  # fmt: skip
@json_option
def command(job: int, where: tuple[str, ...], limit: int, as_json: bool) -> int:
    """List documents of JOB with the beginnings of their answers, in the order of the input.

    Case does not matter. `qwenq show JOB ID` shows one document in full.
    """
    from qwenq.actions.finding import find_documents, read_conditions
    from qwenq.cli.options.settings import read_settings
    from qwenq.wording.found_documents import print_found, show_found
    from qwenq.wording.output import say

    wanted = read_conditions(where)
    page, prompt = find_documents(read_settings(), job, wanted, limit)
    if as_json:
        print_found(page.documents)
    elif page.documents:
        show_found(page.documents, prompt)
    else:
        say(f"no document of job {job} matches" if wanted else f"job {job} has no document yet")
    if page.next_after is not None:
        say(f"there are more; a higher --limit shows them (now {limit})")
    return 0
