"""`qwenq show`: show one document with its prompt and its answer."""

import click

from qwenq.cli.options.completion import complete_jobs
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option


@click.command(name="show", cls=Command, examples=("qwenq show 7 invoice-036", "qwenq show 7 rows.csv:17"))
@click.argument("job", type=int, shell_complete=complete_jobs)
@click.argument("document", metavar="ID")
@json_option
def command(job: int, document: str, as_json: bool) -> int:
    """Show the document ID of JOB: the prompt as the model sees it, the answer, the tokens, the attempts.

    A bad row is found by its line, such as 17 or rows.csv:17. The prompt is that of the model's chat template where its
    tokenizer is on this machine, otherwise its messages.
    """
    from qwenq.actions.showing import show_documents
    from qwenq.cli.options.settings import read_settings
    from qwenq.wording.documents import show_document
    from qwenq.wording.output import print_json

    found = show_documents(read_settings(), job, document)
    if as_json:
        print_json(found[0] if len(found) == 1 else found)
    else:
        for one in found:
            show_document(one)
    return 0
